"""Images that seem to be made from one source, and the pattern that finds such images."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tasks.inventory.folder_tree import folder_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tasks.inventory.sibling_names import MadeFrom

# Nobody makes more copies of one image and tells them apart by a number only.
MANY = 12
# What a browser calls different images that it saves.
COMMON_NAMES = frozenset(
    (
        "image", "images", "img", "photo", "photos", "picture", "pictures", "pic", "download",
        "downloads", "unnamed", "untitled", "file", "index", "screenshot", "default", "hqdefault",
        "maxresdefault", "th", "thumb", "thumbnail", "scan", "capture", "new",
    )
)  # fmt: skip

VARYING = re.compile(
    r"(?P<exported>(?<=\.rf\.)\w+)"
    r"|(?P<uuid>[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})"
    r"|(?P<random>(?<![0-9A-Za-z])(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{6,}(?![0-9A-Za-z]))"
    r"|(?P<number>\d+)"
)
FORMS = {
    "exported": r"\w+",
    "uuid": "[0-9A-Fa-f-]+",
    "random": "[0-9a-f]+",
    "number": r"\d+",
}


@dataclass
class Family:
    """Images that seem to be made from one source.

    Attributes:
        source: its name, as far as the names say.
        rows: numbers of the images, the source itself among them if it is there.
        made: what the names of the others say.
        has_source: whether the source itself is there.
    """

    source: str
    rows: list[int] = field(default_factory=list)
    made: list[MadeFrom] = field(default_factory=list)
    has_source: bool = False

    def is_certain(self, class_size: int) -> bool:
        """Return whether the names alone say it."""
        if all(each.is_numbered_copy for each in self.made):
            return (
                self.has_source
                and len(self.rows) <= MANY
                and self.source.strip(" _-").lower() not in COMMON_NAMES
            )
        ways = {re.sub(r"\d+", "0", each.prefix + each.suffix) for each in self.made}
        is_one_way = len(ways) == 1 and len(self.rows) > 1 + self.has_source
        if len(self.rows) > MANY and is_one_way and 2 * len(self.rows) > class_size:
            return False
        return any(each.is_sure for each in self.made) or self.has_source or not is_one_way


def stem_of(path: str) -> str:
    """Return the name of a file without its extension."""
    name = path.rpartition("/")[2]
    stem, dot, _ = name.rpartition(".")
    return stem if dot and stem else name


def pattern_of(families: Sequence[Family], paths: Sequence[str]) -> str:
    """Return a regular expression that finds the source of each image of some families.

    Args:
        families: whose names it must tell apart from their sources.
        paths: of all images.
    """
    made = list(itertools.chain.from_iterable(family.made for family in families))
    prefixes = _alternatives(each.prefix for each in made if each.prefix)
    tails = _alternatives(each.suffix for each in made if each.prefix)
    suffixes = _alternatives(each.suffix for each in made if not each.prefix)
    named = [paths[row].rpartition("/")[2] for family in families for row in family.rows]
    extension = r"\.\w+$" if all("." in name for name in named) else r"(?:\.\w+)?$"
    suffix = f"(?:{suffixes})?" if suffixes else ""
    # Of several folders, a family is known by its name alone.
    is_in_one = all(len({folder_of(paths[row]) for row in family.rows}) == 1 for family in families)
    if not prefixes:
        begin, text = ("^", ".") if is_in_one else ("(?:^|/)", "[^/]")
        return f"{begin}(?P<group>{text}+?){suffix}{extension}"
    is_bare = any(not each.suffix for each in made if each.prefix)
    tail = f"(?:{tails}){'?' * is_bare}" if tails else ""
    behind = f"(?(1){tail}|{suffix})" if tail or suffix else ""
    return f"(?:^|/)({prefixes})?(?P<group>[^/]+?){behind}{extension}"


def _alternatives(texts: Iterable[str]) -> str:
    """Return a regular expression for some texts, whatever their numbers."""
    forms = {form_of(text) for text in texts if text}
    # Longer ones first: the first alternative that matches is taken.
    return "|".join(sorted(forms, key=lambda form: (-len(form), form)))


def form_of(text: str) -> str:
    """Return a regular expression for a text with other numbers, and with other random names."""
    parts, end = [], 0
    for match in VARYING.finditer(text):
        parts += [re.escape(text[end : match.start()]), FORMS[str(match.lastgroup)]]
        end = match.end()
    return "".join([*parts, re.escape(text[end:])])
