"""An inventory and the last accepted one go in; which files came, went and moved comes out."""

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
    """Compare by content.

    Args:
        inventory: as it is now.
        baseline: the last accepted one; without one nothing moved.

    Returns:
        A row a file that is not as it was: change (added, removed, changed: new content under an
        old name, renamed, relabelled: the same image under another class and under the old one
        no more), path, label, path_before and label_before.
    """
    if baseline is None:
        return pd.DataFrame(columns=COLUMNS, dtype="str")
    before = baseline.files[[PATH, LABEL, CONTENT]].fillna({LABEL: ""})
    now = inventory[[PATH, LABEL]].fillna({LABEL: ""}).assign(**{CONTENT: content_of(inventory)})
    kept = now.merge(before, how="inner", on=[PATH, LABEL, CONTENT])[PATH]
    moved, old = now[~now[PATH].isin(kept)], before[~before[PATH].isin(kept)]
    known = moved[moved[CONTENT].isin(before[CONTENT])]
    fresh = moved.drop(known.index)
    gone = old[~old[CONTENT].isin(now[CONTENT])]
    changed = fresh[fresh[PATH].isin(gone[PATH])]
    parts = [
        _told(fresh.drop(changed.index), ADDED),
        _told(gone[~gone[PATH].isin(changed[PATH])], REMOVED),
        _told(changed, CHANGED),
        _known(known, before, now),
    ]
    return pd.concat(parts, ignore_index=True).astype("str")


def _told(rows: pd.DataFrame, change: str) -> pd.DataFrame:
    names = {PATH: PATH_BEFORE, LABEL: LABEL_BEFORE} if change == REMOVED else {}
    return rows.rename(columns=names).assign(**{CHANGE: change}).reindex(columns=COLUMNS)


def _known(known: pd.DataFrame, before: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """Tell renamed files, relabelled ones, and further copies of an image that is still there."""
    first = before.drop_duplicates(CONTENT).set_index(CONTENT)
    told = known.assign(
        **{
            PATH_BEFORE: known[CONTENT].map(first[PATH]),
            LABEL_BEFORE: known[CONTENT].map(first[LABEL]),
        }
    )
    pairs = pd.MultiIndex.from_frame
    as_before = pairs(known[[CONTENT, LABEL]]).isin(pairs(before[[CONTENT, LABEL]]))
    old_label = pairs(told[[CONTENT, LABEL_BEFORE]]).isin(pairs(now[[CONTENT, LABEL]]))
    still_there = pairs(told[[PATH_BEFORE, CONTENT]]).isin(pairs(now[[PATH, CONTENT]]))
    in_place = still_there & (as_before | old_label)
    change = pd.Series(RENAMED, index=known.index, dtype="str")
    change = change.mask(~as_before & ~old_label, RELABELLED).mask(in_place, ADDED)
    return told.assign(**{CHANGE: change})[COLUMNS]
