"""File names go in; from which source each seems to be made, and how, comes out.

Offline augmentation leaves names such as `aug_cat12_0_123`, `cat12_aug3`, `cat12-flip`, `cat12(1)`,
`cat12_crop_2`, `rotated_90_cat12`: a source, and around it the words of what was done to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# What hardly any file is called but an augmented one.
SURE = re.compile(
    r"aug(?:s|ment(?:ed|ations?)?)?|(?:random|rand)?(?:h|v|lr|ud|hor|ver)?flip(?:s|ped|ping)?"
    r"(?:lr|ud|h|v|hv|x|y)?|mirror(?:ed)?|(?:random|rand)?rot(?:at(?:e|ed|ion|ing))?"
    r"|(?:random|rand|center|centre)?crop(?:s|ped)?|shear(?:ed|ing)?|warp(?:ed)?"
    r"|(?:color|colour)?jitter(?:ed)?|cutout|eras(?:e|ed|ing)|translat(?:e|ed|ion)"
    r"|elastic|distort(?:ed|ion)?|transform(?:ed)?|transpos(?:e|ed)|affine|perspective"
    r"|zoom(?:ed)?(?:in|out)?",
    re.IGNORECASE,
)
# What other files are called too.
LIKELY = re.compile(
    r"bright(?:er|en|ened|ness)?|dark(?:er|en|ened)?|contrast|gr[ae]y(?:scale)?|hue"
    r"|satur(?:at(?:e|ed|ion))?|colou?r(?:ed)?|(?:re)?scaled?|shift(?:ed)?|nois[ey]|gauss(?:ian)?"
    r"|salt|pepper|blur(?:red|ry)?|sharp(?:en|ened)?|gamma|copy|copie|kopie|copia|dup(?:licate)?"
    r"|version|variant|invert(?:ed)?|equali[sz]ed?|clahe|resized?|padded|compressed|edit(?:ed)?"
    r"|orig(?:inal)?",
    re.IGNORECASE,
)
FILLER = re.compile(
    r"horizontal(?:ly)?|vertical(?:ly)?|horiz|vert|hor|random|rand|center|centre|left|right|top"
    r"|bottom|up|down|clockwise|cw|ccw|by|of|deg|degrees?|percent|plus|minus|x|y|h|v|lr|ud|tl|tr|bl"
    r"|br|and|the|r|p|n",
    re.IGNORECASE,
)
# Short words that say it only with their number: cat12_v2, cat12_r90.
WITH_NUMBER = re.compile(r"v|r|ver|var|q", re.IGNORECASE)
ANGLES = frozenset(("30", "45", "60", "90", "120", "135", "180", "225", "270", "315"))
NUMBERED_COPY = re.compile(r"[ _-]?\(\d+\)$")
EXPORTED = re.compile(r"[._](?:jpe?g|png|bmp|webp)\.rf\.[0-9A-Za-z]+$")
# Words may also begin with capitals: cat12FlipLR.
TOKENS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
# As Augmentor writes: cat_original_cat12.jpg_ and a UUID.
REWRITTEN = re.compile(
    r"(.+?_original_)(.+)(\.\w+_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE
)
ENDING_NUMBERS = re.compile(r"(?<=.)[_-]\d+$")
# Any name that may be one, to look at few of many.
HINT = (
    r"(?i)(?:aug|flip|mirror|rot|crop|shear|warp|jitter|cutout|eras|transl|elastic|distort|transf"
    r"|transp|affine|persp|zoom|bright|dark|contrast|gr[ae]y|hue|satur|colou?r|scale|shift|nois"
    r"|gauss|salt|pepper|blur|sharp|gamma|cop[yi]|kopie|dup|vers|vari|invert|equal|clahe|resiz"
    r"|padded|compressed|edit|orig|\(\d+\)|\.rf\.|(?:v|r|ver|var|q)\d)[^/]*$"
)


@dataclass(frozen=True)
class MadeFrom:
    """What a name says about its source.

    Attributes:
        source: the rest of the name.
        prefix: what stands before it.
        suffix: what stands behind it, up to the extension.
        is_sure: whether the words are those of augmentation alone.
    """

    source: str
    prefix: str
    suffix: str
    is_sure: bool

    @property
    def is_numbered_copy(self) -> bool:
        """Whether it is a copy as a file manager or a browser makes it: cat12 (1)."""
        return not self.prefix and NUMBERED_COPY.fullmatch(self.suffix) is not None


def made_from(stem: str) -> MadeFrom | None:
    """Return what a file's name without its extension says about its source, if anything."""
    if match := REWRITTEN.fullmatch(stem):
        return MadeFrom(match[2], match[1], match[3], is_sure=True)
    begin, is_sure = _leading(stem)
    source, suffix = stem[begin:], ""
    while True:
        end, is_sure_too = _trailing(source)
        if not 0 < end < len(source):
            break
        source, suffix = source[:end], source[end:] + suffix
        is_sure |= is_sure_too
    if not source or (not begin and not suffix):
        return None
    return MadeFrom(source, stem[:begin], suffix, is_sure)


def shorter(made: MadeFrom) -> Iterator[MadeFrom]:
    """Yield what else a name with a prefix may mean: numbers at its end may count the copies."""
    yield made
    while made.prefix and (match := ENDING_NUMBERS.search(made.source)):
        suffix = match[0] + made.suffix
        made = MadeFrom(made.source[: match.start()], made.prefix, suffix, made.is_sure)
        yield made


def _leading(stem: str) -> tuple[int, bool]:
    """Return the length of the words of augmentation at the beginning, and whether one is sure."""
    end, is_sure, is_rotation, last = 0, False, False, 0
    for token in TOKENS.finditer(stem):
        word = token[0]
        if SURE.fullmatch(word) or LIKELY.fullmatch(word):
            end, last = token.end(), token.end()
            is_sure |= SURE.fullmatch(word) is not None
            is_rotation = word.lower().startswith("rot")
        elif FILLER.fullmatch(word):
            # Behind a word, or in front of one that follows.
            end, last = (token.end(), token.end()) if end and end == last else (end, token.end())
        elif end and word.isdigit() and (token.start() == end or (is_rotation and word in ANGLES)):
            end = last = token.end()
        else:
            break
    rest = stem[end:].lstrip("_-. ")
    return (len(stem) - len(rest), is_sure) if end and rest else (0, False)


def _trailing(stem: str) -> tuple[int, bool]:
    """Return where the words of augmentation at the end begin, and whether one is sure."""
    for regex in (NUMBERED_COPY, EXPORTED):
        if match := regex.search(stem):
            return match.start(), regex is EXPORTED
    tokens = list(TOKENS.finditer(stem))
    begin, is_sure = 0, False
    for position in reversed(range(1, len(tokens))):
        word = tokens[position][0]
        if _is_marker(tokens, position):
            begin = position
            is_sure |= SURE.fullmatch(word) is not None
        elif FILLER.fullmatch(word):
            begin = position if position + 1 == begin else begin
        elif not word.isdigit():
            break
    # With what separates them from the source.
    return (tokens[begin - 1].end(), is_sure) if begin else (len(stem), False)


def _is_marker(tokens: list[re.Match[str]], position: int) -> bool:
    token = tokens[position]
    if SURE.fullmatch(token[0]) or LIKELY.fullmatch(token[0]):
        return True
    follows = tokens[position + 1 : position + 2]
    is_numbered = any(other[0].isdigit() and other.start() == token.end() for other in follows)
    return is_numbered and WITH_NUMBER.fullmatch(token[0]) is not None
