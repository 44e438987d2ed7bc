"""An inventory goes in; the same with the columns that only expectations look at comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from tasks.inventory.columns import (
    CONTRAST,
    ERROR,
    GROUP,
    HEIGHT,
    LABEL,
    PATH,
    PIXEL_HASH,
    SPLIT,
    SPLITS,
    THUMBNAIL,
    WIDTH,
)
from tasks.inventory.duplicates import MIN_VISIBLE_CONTRAST
from tasks.validation.baseline import CONTENT, FIRST_SEEN, MEASURES, content_of
from tasks.validation.label_errors import LOOKS_LIKE, PROBABILITY
from tasks.validation.moves import CHANGE, LABEL_BEFORE, RELABELLED

if TYPE_CHECKING:
    from tasks.validation.context import Context

SIZE = "size"
READABLE_LABEL = "readable_label"
CONFLICT = "other_labels"
LEAK = "other_splits"
COPY = "copy_of"
NEAR_LEAK = "near_duplicate_in_other_split"
NEAR_COPY = "near_duplicate_of"
MOVED_FROM = "label_before"
SUSPECT = "looks_like"
DAYS_SINCE_NEW = "days_since_new"


def new_only(measure: str) -> str:
    """Return the name of the column that holds a measure of newcomers alone."""
    return f"new_{measure}"


def add_derived_columns(
    inventory: pd.DataFrame,
    context: Context,
    moves: pd.DataFrame,
    suspects: pd.DataFrame | None,
) -> pd.DataFrame:
    """Add what the expectations look at, and leave out what they can't.

    Args:
        inventory: as it was taken.
        context: the baseline newcomers are told by.
        moves: as `find_moves` returns them.
        suspects: as `find_label_errors` returns them.

    Returns:
        A new frame with size (as 28x28), the label of readable rows, that label in a column a
        split, and, in words where there is something to say and None otherwise: under which other
        labels and in which other splits the row's image stands, which earlier file of its split
        it repeats, the same of near-duplicates, its label before, and what it looks like; with a
        baseline also the days since each image was new and the measures of newcomers.
    """
    size = inventory[HEIGHT].astype("str") + "x" + inventory[WIDTH].astype("str")
    readable = inventory[ERROR].isna()
    label = inventory[LABEL].where(readable)
    by_split = {
        f"{LABEL}_{split}": label.where(inventory[SPLIT] == split).astype("object")
        for split in SPLITS
    }
    # Images that show nothing are alike without being copies; another rule tells of them.
    shown = inventory[readable & inventory[CONTRAST].ge(MIN_VISIBLE_CONTRAST)]
    repeated = shown[shown.duplicated(PIXEL_HASH, keep=False)]
    grouped = shown[shown[GROUP].notna()]
    told = {
        CONFLICT: _elsewhere(repeated, LABEL),
        LEAK: _elsewhere(repeated, SPLIT),
        COPY: _originals(repeated, PIXEL_HASH),
        NEAR_LEAK: _near_in_other_split(grouped),
        NEAR_COPY: _near_originals(grouped),
        MOVED_FROM: _by_path(inventory, moves[moves[CHANGE] == RELABELLED], LABEL_BEFORE),
    }
    if suspects is not None:
        told[SUSPECT] = _looks(inventory, suspects)
    return inventory.drop(columns=THUMBNAIL).assign(
        **{SIZE: size.where(inventory[HEIGHT].notna()), READABLE_LABEL: label},
        **by_split,
        **{name: words.reindex(inventory.index).astype("object") for name, words in told.items()},
        **_news(inventory, context),
    )


def _news(inventory: pd.DataFrame, context: Context) -> dict[str, pd.Series]:
    """Tell how long ago each image was new, and measure those that are."""
    if context.baseline is None:
        return {}
    files = context.baseline.files.drop_duplicates(CONTENT).set_index(CONTENT)
    seen = pd.to_datetime(content_of(inventory).map(files[FIRST_SEEN]), utc=True)
    days = (pd.Timestamp(context.now) - seen).dt.total_seconds() / 86_400
    measures = {
        new_only(name): inventory[name].astype("float64").where(seen.isna()) for name in MEASURES
    }
    return {DAYS_SINCE_NEW: days.fillna(0.0), **measures}


def _elsewhere(repeated: pd.DataFrame, column: str) -> pd.Series:
    """Say under which values of a column each row's image stands, if they are several."""
    values = repeated.groupby(PIXEL_HASH)[column].agg(lambda found: sorted(set(found.dropna())))
    told = values[values.map(len) > 1].map(" and ".join)
    return repeated[PIXEL_HASH].map(told)


def _originals(repeated: pd.DataFrame, same: str) -> pd.Series:
    """Name the first file of a row's split that is the same, where that is another file."""
    first = repeated.groupby([same, SPLIT])[PATH].transform("first")
    return first.where(first != repeated[PATH])


def _near_originals(grouped: pd.DataFrame) -> pd.Series:
    """The same of near-duplicates; exact copies of the first file are told by another rule."""
    first = _originals(grouped, GROUP)
    pixels = grouped.set_index(PATH)[PIXEL_HASH]
    return first.where(first.map(pixels) != grouped[PIXEL_HASH])


def _near_in_other_split(grouped: pd.DataFrame) -> pd.Series:
    """Name a near-duplicate, of other pixels, in a split that is not the row's."""
    spread = grouped[grouped.groupby(GROUP)[SPLIT].transform("nunique") > 1]
    told = {}
    for _, members in spread.groupby(GROUP):
        for at, row in members.iterrows():
            others = members[
                (members[SPLIT] != row[SPLIT]) & (members[PIXEL_HASH] != row[PIXEL_HASH])
            ]
            if len(others):
                told[at] = f"near-duplicate of {others[PATH].iloc[0]} in {others[SPLIT].iloc[0]}"
    return pd.Series(told, dtype="str")


def _by_path(inventory: pd.DataFrame, rows: pd.DataFrame, column: str) -> pd.Series:
    return inventory[PATH].map(rows.drop_duplicates(PATH).set_index(PATH)[column])


def _looks(inventory: pd.DataFrame, suspects: pd.DataFrame) -> pd.Series:
    words = {
        path: f"{label} ({probability:.2f})"
        for path, label, probability in suspects[[PATH, LOOKS_LIKE, PROBABILITY]].itertuples(
            index=False
        )
    }
    return inventory[PATH].map(words)
