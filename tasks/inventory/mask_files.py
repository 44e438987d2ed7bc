"""Notices masks that lie between the images they belong to: 1.png and 1_mask.png in one folder."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MASK = re.compile(
    r"(?P<image>.+?)[\s._-]*(?P<word>mask|seg|segmentation|gt|label|annotation|trimap)[\s._-]*\d*$",
    re.IGNORECASE,
)
# Quicker than the pattern, which few names need.
HINTS = ("mask", "seg", "gt", "label", "annotation", "trimap")
MIN_SHARE = 0.05


def masks_among(paths: Sequence[str]) -> list[str]:
    """Return the images that are named as masks of others in their folder, if they are many."""
    stems = [path.rpartition(".")[0].lower() for path in paths]
    there = set(stems)
    masks = [
        path
        for path, stem in zip(paths, stems, strict=True)
        if any(hint in stem for hint in HINTS)
        and (match := MASK.match(stem)) is not None
        and match["image"] in there
    ]
    return masks if len(masks) >= max(1, MIN_SHARE * len(paths)) else []


def note_masks(masks: Sequence[str]) -> list[str]:
    """Return what to do about masks that are read as images."""
    if not masks:
        return []
    match = MASK.match(masks[0].rpartition(".")[0])
    word = "mask" if match is None else match["word"]
    note = f"{len(masks)} images are named as masks of others ({masks[0]});"
    return [f'{note} data.leave_out = ["*{word}*"] leaves them out.']
