"""An inventory and the last accepted one go in; the files that changed between them come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from tasks.inventory.columns import LABEL, PATH
from tasks.validation.baseline import CONTENT, content_of

if TYPE_CHECKING:
    from tasks.validation.baseline import Baseline

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
RENAMED, RELABELLED = "renamed", "relabelled"
CHANGE, PATH_BEFORE, LABEL_BEFORE = "change", "path_before", "label_before"
COLUMNS = [CHANGE, PATH, LABEL, PATH_BEFORE, LABEL_BEFORE]


def find_moves(inventory: pd.DataFrame, baseline: Baseline | None) -> pd.DataFrame:
    """Compare two inventories by content.

    Args:
        inventory: the current one.
        baseline: the last accepted one; without one nothing has moved.

    Returns:
        One row per file that differs: change, path, label, path_before and label_before. The
        change is added, removed, changed (new content under an old path), renamed, or relabelled
        (the same image under another class, and no longer under the old one).
    """
    if baseline is None:
        return pd.DataFrame(columns=COLUMNS, dtype="str")
    return moves_between(baseline.files, inventory)


def moves_between(earlier: pd.DataFrame, inventory: pd.DataFrame) -> pd.DataFrame:
    """Compare two inventories by content; see `find_moves`.

    Args:
        earlier: path, label and content of the earlier one.
        inventory: the later one.
    """
    before = earlier[[PATH, LABEL, CONTENT]].fillna({LABEL: ""})
    now = inventory[[PATH, LABEL]].fillna({LABEL: ""}).assign(**{CONTENT: content_of(inventory)})
    different, old = _without(now, before), _without(before, now)
    if different.empty and old.empty:
        return pd.DataFrame(columns=COLUMNS, dtype="str")
    known = different[different[CONTENT].isin(before[CONTENT])]
    new = different.drop(known.index)
    gone = old[~old[CONTENT].isin(now[CONTENT])]
    changed = new[new[PATH].isin(gone[PATH])]
    parts = [
        _as_moves(new.drop(changed.index), ADDED),
        _as_moves(gone[~gone[PATH].isin(changed[PATH])], REMOVED),
        _as_moves(changed, CHANGED),
        _moves_of_known(known, before, now),
    ]
    return pd.concat(parts, ignore_index=True).astype("str")


def _without(rows: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Return those of the rows that the others lack; both hold a path once."""
    # A join, as `isin` makes Python objects of every string.
    joined = rows.merge(others, how="left", on=[PATH, LABEL, CONTENT], indicator="side")
    return rows[joined["side"].eq("left_only").to_numpy()]


def _as_moves(rows: pd.DataFrame, change: str) -> pd.DataFrame:
    names = {PATH: PATH_BEFORE, LABEL: LABEL_BEFORE} if change == REMOVED else {}
    return rows.rename(columns=names).assign(**{CHANGE: change}).reindex(columns=COLUMNS)


def _moves_of_known(known: pd.DataFrame, before: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """Distinguish renamed and relabelled files, and further copies of an unmoved image."""
    first = before.drop_duplicates(CONTENT).set_index(CONTENT)
    moves = known.assign(
        **{
            PATH_BEFORE: known[CONTENT].map(first[PATH]),
            LABEL_BEFORE: known[CONTENT].map(first[LABEL]),
        }
    )
    pairs = pd.MultiIndex.from_frame
    had_label = pairs(known[[CONTENT, LABEL]]).isin(pairs(before[[CONTENT, LABEL]]))
    # The image is still under its old label as well: conflicting_labels names it, not relabelled.
    keeps_label = pairs(moves[[CONTENT, LABEL_BEFORE]]).isin(pairs(now[[CONTENT, LABEL]]))
    keeps_path = pairs(moves[[PATH_BEFORE, CONTENT]]).isin(pairs(now[[PATH, CONTENT]]))
    is_copy = keeps_path & (had_label | keeps_label)
    change = pd.Series(RENAMED, index=known.index, dtype="str")
    change = change.mask(~had_label & ~keeps_label, RELABELLED).mask(is_copy, ADDED)
    return moves.assign(**{CHANGE: change})[COLUMNS]
