"""Reads labels from the names of files that lie in no class folder: cat.0.jpg, dog_1.png."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tasks.inventory.folder_names import FILLERS, SPLIT_WORDS, words_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

# What is tried: a name and its number, a number and its name, the first letters.
PATTERNS = (
    re.compile(r"(?P<label>.*[^\W\d_].*?)[\s._\-(\[#]*\d+[)\]]?$"),
    re.compile(r"\d+[\s._\-]+(?P<label>[^\W\d_].*)$"),
    re.compile(
        r"(?i:img|image|photo|pic|picture|dsc|frame|file|scan)[\s._\-]*\d+[\s._\-]+"
        r"(?P<label>[^\W\d_].*)$"
    ),
    re.compile(r"(?P<label>[^\W\d_][^\d]*?)[\s._\-(\[#]*\d.*$"),
)
# Words that make a number a class: `class 3 (12)`.
CLASS_WORDS = frozenset(("class", "cls", "label", "category", "type", "kind", "grade", "stage"))
# Names that cameras, programs and data sets give to every file.
GENERIC = frozenset(
    (
        "dsc", "dscn", "dscf", "pxl", "mvi", "gopr", "gh", "frame", "frames", "file", "files",
        "scan", "scans", "screenshot", "screen", "shot", "vid", "video", "movie", "wa", "whatsapp",
        "telegram", "signal", "untitled", "unnamed", "download", "downloads", "isic", "im", "i",
        "p", "n", "f", "s", "d", "c", "a", "b", "pano", "burst", "mvimg", "page", "patch", "tile",
        "crop", "out", "output", "copy", "snapshot", "capture", "cam", "camera", "thumb", "id",
        "no", "nr", "num", "number", "item", "object", "obj", "index", "idx", "part", "batch",
        "at", "am", "pm", "edited", "collage", "fb", "image", "rgb", "gray", "mask", "slice",
        "person", "user", "subject", "patient", "case", "left", "right", "front", "back",
    )
)  # fmt: skip
MIN_SHARE_NAMED, MIN_FILES_PER_LABEL, MIN_LABELS = 0.95, 2, 2
# Names that nearly every file has for itself are no labels.
MIN_MEAN_FILES = 3


def labels_in_names(paths: Sequence[str]) -> dict[str, str]:
    """Return the label of each file, if the names hold a few labels that recur.

    Args:
        paths: relative POSIX paths.

    Returns:
        Labels by path; a file that doesn't fit in is missing. Empty where the names are no labels,
        as those of cameras are.
    """
    stems = _stems(paths)
    readings = [_labels_by(pattern, stems) for pattern in PATTERNS]
    good = [labels for labels in readings if _are_labels(labels, len(paths))]
    # Of cat_001_warp2 and cat_002_warp1 the label is cat, not cat_001_warp.
    return min(good, key=_complexity, default={})


def _complexity(labels: Mapping[str, str]) -> tuple[int, int]:
    """Return how many labels there are, and how many of them hold numbers, such as dates."""
    distinct = set(labels.values())
    return len(distinct), sum(any(map(str.isdigit, label)) for label in distinct)


def known_labels_in_names(paths: Sequence[str], known: Collection[str]) -> dict[str, str]:
    """Return the known labels in the names of files; empty unless nearly all of them have one."""
    # The longest first: cat_black_1 is a cat_black, if there is such a class.
    ordered = sorted(known, key=len, reverse=True)
    labels = {}
    for path, stem in _stems(paths).items():
        label = next((label for label in ordered if stem.startswith(label)), None)
        if label is not None and not stem[len(label) : len(label) + 1].isalpha():
            labels[path] = label
    return labels if len(labels) >= MIN_SHARE_NAMED * len(paths) else {}


def _stems(paths: Sequence[str]) -> dict[str, str]:
    return {path: PurePosixPath(path).stem for path in paths}


def _labels_by(pattern: re.Pattern[str], stems: Mapping[str, str]) -> dict[str, str]:
    found = {
        path: match["label"].strip(" ._-([#")
        for path, stem in stems.items()
        if (match := pattern.match(stem)) is not None
    }
    # Windows numbers only the second file of a name: cat.jpg, cat (1).jpg, cat (2).jpg.
    labels = set(found.values())
    return {
        path: found.get(path, stem)
        for path, stem in stems.items()
        if found.get(path) or stem in labels
    }


def _are_labels(labels: Mapping[str, str], files: int) -> bool:
    counts = Counter(labels.values())
    if len(counts) < MIN_LABELS or len(labels) < MIN_SHARE_NAMED * files:
        return False
    rare = sum(count for count in counts.values() if count < MIN_FILES_PER_LABEL)
    return (
        rare <= (1 - MIN_SHARE_NAMED) * files
        and len(labels) >= MIN_MEAN_FILES * len(counts)
        and not any(_is_generic(label) for label in counts)
    )


def _is_generic(label: str) -> bool:
    words = {word for word in words_of(label) if not word.isdigit()}
    is_numbered = bool(words & CLASS_WORDS) and words != set(words_of(label))
    return not is_numbered and words <= GENERIC | FILLERS | SPLIT_WORDS.keys()
