"""An inventory goes in; the same with the columns that only expectations look at comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.inventory.columns import (
    ERROR,
    HEIGHT,
    LABEL,
    PATH,
    SHA256,
    SPLIT,
    SPLITS,
    WIDTH,
)

if TYPE_CHECKING:
    import pandas as pd

SIZE = "size"
READABLE_LABEL = "readable_label"
CONFLICT = "other_labels"
LEAK = "other_splits"
COPY = "copy_of"


def with_derived_columns(inventory: pd.DataFrame) -> pd.DataFrame:
    """Add what the expectations look at.

    Returns:
        A new frame with size (as 28x28), the label of readable rows, that label in a column a
        split, and, where the row's content stands elsewhere too, in words: under which other
        labels, in which other splits, and which earlier file of its split it repeats; None
        otherwise.
    """
    size = inventory[HEIGHT].astype("str") + "x" + inventory[WIDTH].astype("str")
    readable = inventory[ERROR].isna()
    label = inventory[LABEL].where(readable)
    by_split = {
        f"{LABEL}_{split}": label.where(inventory[SPLIT] == split).astype("object")
        for split in SPLITS
    }
    repeated = inventory[readable & inventory.duplicated(SHA256, keep=False)]
    return inventory.assign(
        **{
            SIZE: size.where(inventory[HEIGHT].notna()),
            READABLE_LABEL: label,
            CONFLICT: _elsewhere(repeated, LABEL).reindex(inventory.index),
            LEAK: _elsewhere(repeated, SPLIT).reindex(inventory.index),
            COPY: _originals(repeated).reindex(inventory.index),
        },
        **by_split,
    )


def _elsewhere(repeated: pd.DataFrame, column: str) -> pd.Series:
    """Say under which values of a column each row's content stands, if they are several."""
    values = repeated.groupby(SHA256)[column].agg(lambda found: sorted(set(found.dropna())))
    told = values[values.map(len) > 1].map(" and ".join)
    return repeated[SHA256].map(told).astype("object")


def _originals(repeated: pd.DataFrame) -> pd.Series:
    """Name the first file of a row's split with its content, where that is another file."""
    first = repeated.groupby([SHA256, SPLIT])[PATH].transform("first")
    return first.where(first != repeated[PATH]).astype("object")
