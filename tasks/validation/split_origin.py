"""An inventory goes in; which splits the data gives, and how, come out."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from tasks.inventory.columns import TEST, TRAIN, VALIDATION

if TYPE_CHECKING:
    import pandas as pd


class Origin(StrEnum):
    """Who has put an image into its split."""

    DRAWN = "drawn"
    FOLDER = "folder"
    MANIFEST = "manifest"
    TABLE = "table"


def given_splits(frame: pd.DataFrame) -> list[str]:
    """Return those of validation and test that the data gives.

    Args:
        frame: an inventory; one without facts about its folder is one whose splits were drawn.
    """
    drawn = frame.attrs.get("drawn", (TEST, VALIDATION))
    return [name for name in (VALIDATION, TEST) if name not in drawn]


def origin_of(frame: pd.DataFrame, split: str) -> Origin:
    """Return who has put the images of a split into it; for train, all but those drawn from it."""
    given = given_splits(frame)
    if split not in given and not (split == TRAIN and given):
        return Origin.DRAWN
    if frame.attrs.get("layout") == "manifest":
        return Origin.MANIFEST
    return Origin.FOLDER if frame.attrs.get("splits_in_folders", True) else Origin.TABLE
