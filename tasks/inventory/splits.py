"""An inventory without splits goes in; each file's split, and why it has it, comes out.

A file that has a split keeps it for ever. Newcomers are drawn by their content, class by class
until each split has its share, and a group of copies and near-duplicates falls on one side.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pandas as pd

from tasks.inventory.columns import GROUP, LABEL, PATH, SHA256, SPLIT, TEST, TRAIN, VALIDATION

if TYPE_CHECKING:
    from collections.abc import Iterator

REASON = "reason"
UNIT, CONTENT = "unit", "content"


def assign_splits(
    inventory: pd.DataFrame,
    remembered: pd.Series,
    *,
    test_fraction: float,
    validation_fraction: float,
    seed: int,
) -> pd.DataFrame:
    """Fill the split column.

    A test split is cut only where the data names none at all, and validation is cut from train only
    where the data names none. Files that have a split keep it.

    Args:
        inventory: with path, split (None where not given), label, sha256 and group.
        remembered: the split each row had before, None for a newcomer.
        test_fraction: share of each class that goes to test.
        validation_fraction: share of the rest of each class that goes to validation.
        seed: another seed draws another split.

    Returns:
        split (train, validation or test) and reason, in words; indexed as the inventory.
    """
    given = inventory[SPLIT]
    fractions = {TEST: test_fraction, VALIDATION: validation_fraction}
    cut = [name for name in fractions if not (given == name).any()]
    open_to_cut = given.isna() | (given == TRAIN)
    split = given.fillna(TRAIN)
    reason = pd.Series("the folder or the manifest says so", index=inventory.index, dtype="str")
    if not cut:
        return pd.DataFrame({SPLIT: split, REASON: reason})
    rows = _with_units(inventory[open_to_cut])
    # A split the data names by now is not cut any more, whatever was cut before.
    before = remembered[open_to_cut].where(lambda names: names.isin([*cut, TRAIN]))
    of_unit = rows.assign(**{SPLIT: before}).dropna(subset=SPLIT).drop_duplicates(UNIT)
    placed = before.fillna(rows[UNIT].map(of_unit.set_index(UNIT)[SPLIT]).astype("str"))
    why = before.notna().map({True: "kept", False: "goes with its group"}).astype("str")
    for name in cut:
        pool = rows[placed.isna() | placed.isin([name, TRAIN])]
        drawn = rows[UNIT].map(dict(_draw(pool, placed, name, fractions[name], seed))).astype("str")
        new = drawn.notna()
        placed, why = placed.mask(new, name), why.mask(new, drawn)
    rest = f"not among those of its class drawn for {' or '.join(cut)}"
    why = why.where(placed.notna(), rest)
    return pd.DataFrame(
        {
            SPLIT: split.mask(open_to_cut, placed.fillna(TRAIN)).astype("str"),
            REASON: reason.mask(open_to_cut, why).astype("str"),
        }
    )


def _with_units(rows: pd.DataFrame) -> pd.DataFrame:
    """Add what falls on one side as a whole: a group, the copies of a file, or a file alone."""
    content = rows[SHA256].fillna(rows[PATH])
    return pd.DataFrame(
        {LABEL: rows[LABEL].fillna(""), CONTENT: content, UNIT: rows[GROUP].fillna(content)}
    )


def _draw(
    pool: pd.DataFrame, placed: pd.Series, name: str, fraction: float, seed: int
) -> Iterator[tuple[str, str]]:
    """Yield the units drawn for a split, each with the reason in words.

    Args:
        pool: rows that are in the split, may come into it, or stay in train for it.
        placed: split of each row so far, None for newcomers.
        name: of the split.
        fraction: share of each class that is to be in it.
        seed: of the draw.
    """
    sizes = pool.groupby(LABEL).size()
    present = (placed[pool.index] == name).groupby(pool[LABEL]).sum()
    free = pool[placed[pool.index].isna()]
    units = _units_of(free)
    salt = f"{seed}:{name}:".encode()
    units["draw"] = [_number(salt, content) for content in units[CONTENT]]
    for label, own in units.sort_values("draw").groupby(LABEL, sort=False):
        wanted = round(fraction * sizes[label])
        missing = wanted - present[label]
        taken = list(_fitting(own, missing))
        if not taken and not present[label] and fraction and sizes[label] > 1 < len(own):
            taken = [str(own["files"].idxmin())]
        for unit in taken:
            reason = (
                f"drawn among the newcomers of class {label} by its content, until {name} had"
                f" {wanted} of {sizes[label]} files"
            )
            yield unit, reason


def _units_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return label, content and number of files of each unit, by its name."""
    shared = rows[rows.duplicated(UNIT, keep=False)].groupby(UNIT)[CONTENT].agg(["min", "size"])
    units = rows.drop_duplicates(UNIT).set_index(UNIT).assign(files=1)
    units.loc[shared.index, [CONTENT, "files"]] = shared.to_numpy()
    return units


def _fitting(units: pd.DataFrame, missing: int) -> Iterator[str]:
    """Yield units in their order, passing over those with more files than are missing."""
    for unit, files in zip(units.index, units["files"], strict=True):
        if missing <= 0:
            return
        if files <= missing:
            missing -= files
            yield unit


def _number(salt: bytes, content: str) -> float:
    """Return a number in [0, 1) that only the salt and the content decide."""
    drawn = hashlib.blake2b(salt + content.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(drawn) / 2**64
