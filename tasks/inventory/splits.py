"""An inventory without splits goes in; each file's split, told by its content, comes out.

A file's place depends on its content, its class and the seed, not on the other files: it stays
where it is when others arrive, and copies of a picture always fall on one side.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tasks.inventory.columns import LABEL, PATH, SHA256, SPLIT, TEST, TRAIN, VALIDATION

if TYPE_CHECKING:
    import pandas as pd


def assign_splits(
    inventory: pd.DataFrame, *, test_fraction: float, validation_fraction: float, seed: int
) -> pd.DataFrame:
    """Fill the split column.

    A test split is cut only where the data names none at all, and validation is cut from train only
    where the data names none. Files that have a split keep it.

    Args:
        inventory: with path, split (None where not given), label and sha256.
        test_fraction: share of each class that goes to test.
        validation_fraction: share of the rest of each class that goes to validation.
        seed: another seed draws another split.

    Returns:
        A new frame; every split is train, validation or test.
    """
    given = inventory[SPLIT]
    split = given.fillna(TRAIN)
    if not (given == TEST).any():
        split = _cut(inventory, split, TEST, test_fraction, f"{seed}:{TEST}")
    if not (given == VALIDATION).any():
        split = _cut(inventory, split, VALIDATION, validation_fraction, f"{seed}:{VALIDATION}")
    return inventory.assign(**{SPLIT: split.astype("str")})


def _cut(
    inventory: pd.DataFrame, split: pd.Series, name: str, fraction: float, salt: str
) -> pd.Series:
    """Move the files of train whose draw is below `fraction` to the split `name`.

    A class so small that no draw of its own is below gives its lowest one, if more are left.
    """
    train = split == TRAIN
    content = inventory[SHA256].fillna(inventory[PATH])
    draw = content[train].map({key: _draw(salt, key) for key in content[train].unique()})
    by_class = draw.groupby(inventory.loc[train, LABEL].fillna(""))
    rescued = draw.eq(by_class.transform("min")) & by_class.transform("nunique").gt(1)
    taken = draw.lt(fraction) | (rescued & (fraction > 0))
    return split.mask(taken.reindex(split.index, fill_value=False), name)


def _draw(salt: str, content: str) -> float:
    """Return a number in [0, 1) that only the salt and the content decide."""
    drawn = hashlib.blake2b(f"{salt}:{content}".encode(), digest_size=8).digest()
    return int.from_bytes(drawn) / 2**64
