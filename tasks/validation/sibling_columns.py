"""An inventory goes in; which siblings of each image are in other splits, or may be, comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from tasks.inventory.columns import PATH, SIBLINGS, SPLIT, TEST, TRAIN, VALIDATION
from tasks.inventory.likeness import Likeness
from tasks.inventory.named_siblings import find_named_siblings
from tasks.validation.split_origin import given_splits

if TYPE_CHECKING:
    from collections.abc import Callable

SIBLING_LEAK = "sibling_in_other_split"
NAMED_SIBLING = "named_like_sibling"
# In the attributes of a frame: what data.group_pattern should be.
GROUP_PATTERN = "group_pattern"


def add_sibling_columns(frame: pd.DataFrame, inventory: pd.DataFrame) -> pd.DataFrame:
    """Add a message for each image with siblings in other splits, and for each named like one.

    Where groups are declared, they are believed, and names are not looked at.

    Args:
        frame: of the same rows.
        inventory: path, label, split, siblings and thumbnail.

    Returns:
        A new frame; its attributes hold a pattern that keeps the images together which are named
        like siblings, or nothing.
    """
    if inventory[SIBLINGS].notna().any():
        family, sides, pattern = inventory[SIBLINGS], inventory[SPLIT], ""
    else:
        found = find_named_siblings(inventory, Likeness(inventory).exceeds_chance)
        # A split that was drawn doesn't stand for itself: another draw would give another one.
        is_drawn = ~inventory[SPLIT].isin(given_splits(inventory))
        family, sides, pattern = found.family, inventory[SPLIT].mask(is_drawn, TRAIN), found.pattern
    leaks = _first_others(inventory, family, sides, lambda ours, theirs: ours != theirs)
    named = pd.Series(None, index=inventory.index, dtype="object")
    if pattern and len(given_splits(inventory)) < len((TEST, VALIDATION)):
        is_open = sides == TRAIN
        named = _first_others(
            inventory[is_open], family[is_open], sides[is_open], lambda ours, theirs: ours == theirs
        )
    columns = {
        name: messages.reindex(frame.index).astype("object")
        for name, messages in ((SIBLING_LEAK, leaks), (NAMED_SIBLING, named))
    }
    frame = frame.assign(**columns)
    frame.attrs[GROUP_PATTERN] = pattern
    return frame


def _first_others(
    inventory: pd.DataFrame,
    family: pd.Series,
    sides: pd.Series,
    is_wanted: Callable[[str, str], bool],
) -> pd.Series:
    """Return a message for each image with a wanted sibling, which names the first one."""
    rows = pd.DataFrame({PATH: inventory[PATH], SPLIT: sides, SIBLINGS: family})
    rows = rows.dropna(subset=SIBLINGS)
    rows = rows[rows.duplicated(SIBLINGS, keep=False)]
    messages: dict[object, str] = {}
    for _, members in rows.groupby(SIBLINGS, sort=False):
        # The first two of each side are enough to name another one for every image.
        few = members.groupby(SPLIT).head(2)
        others = list(few[[PATH, SPLIT]].itertuples(index=False, name=None))
        for index, path, side in members[[PATH, SPLIT]].itertuples(name=None):
            other = next(
                (each for each in others if each[0] != path and is_wanted(side, each[1])), None
            )
            if other is not None:
                messages[index] = f"sibling of {other[0]} in {other[1]}"
    return pd.Series(messages, dtype="str")
