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


def note_masks(paths: Sequence[str]) -> list[str]:
    """Return a note if many images are named as masks of other images in their folder."""
    stems = [path.rpartition(".")[0].lower() for path in paths]
    there = set(stems)
    masks = [
        (path, match["word"])
        for path, stem in zip(paths, stems, strict=True)
        if any(hint in stem for hint in HINTS)
        and (match := MASK.match(stem)) is not None
        and match["image"] in there
    ]
    if len(masks) < max(1, MIN_SHARE * len(paths)):
        return []
    path, word = masks[0]
    note = f"{len(masks)} images are named as masks of others ({path});"
    return [f'{note} data.leave_out = ["*{word}*"] leaves them out.']
