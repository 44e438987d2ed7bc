"""Says of files beside images why they hold no labels: boxes of objects, and spreadsheets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tasks.inventory.image_formats import suffix_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SPREADSHEETS = (".xlsx", ".xls", ".ods")
BOXES = (".txt", ".xml")
# A class and the four sides of a box, or more corners, each a share of the image's side.
YOLO = re.compile(r"\d+(\s+[01]?\.\d+|\s+[01]){4,}\s*")
VOC = re.compile(r"<bndbox>|<object>")
MAX_CHARACTERS, FILES_TRIED = 10_000, 20


def why_no_tables(
    root: Path, passed_over: Sequence[str], images: Sequence[str]
) -> tuple[dict[str, str], set[str]]:
    """Return files that people label images with and that give no class, each with the reason.

    Args:
        root: the data folder.
        passed_over: relative paths of the files beside the images.
        images: relative paths of the images.

    Returns:
        The reasons, of one file only where there are many of a kind; and all these files.
    """
    sheets = [path for path in passed_over if suffix_of(path) in SPREADSHEETS]
    reasons = dict.fromkeys(sheets, "it is a spreadsheet; save it as CSV")
    stems = {_stem(path) for path in images}
    beside = [path for path in passed_over if suffix_of(path) in BOXES and _stem(path) in stems]
    example = next((path for path in beside[:FILES_TRIED] if _holds_boxes(root / path)), None)
    if example is None:
        return reasons, set(sheets)
    alike = f"like {len(beside) - 1} more " if len(beside) > 1 else ""
    boxes = (
        f"{alike}it holds boxes of objects, and a model here names one class an image: cut the"
        " objects out into one folder per class"
    )
    return {example: boxes, **reasons}, {*sheets, *beside}


def _stem(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]


def _holds_boxes(file: Path) -> bool:
    try:
        with file.open(encoding="utf-8", errors="replace") as content:
            text = content.read(MAX_CHARACTERS)
    except OSError:
        return False
    if file.suffix.lower() == ".xml":
        return VOC.search(text) is not None
    lines = [line for line in text.splitlines() if line.strip()]
    return bool(lines) and all(YOLO.fullmatch(line.strip()) for line in lines[:-1] or lines)
