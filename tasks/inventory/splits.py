"""Assigns train, validation and test: each file's split, and the reason for it.

A file that has a split keeps it for ever. New images are drawn by their content, class by class
until each split has its share. Duplicates, near-duplicates and declared siblings share one split.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tasks.inventory.columns import LABEL, SPLIT, TEST, TRAIN, VALIDATION
from tasks.inventory.split_units import CONTENT, DECLARED, FILES, UNIT, units_of, with_units

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REASON = "reason"
KNOWN = "remembered by its content, its path or its siblings"
# The end of the reason of siblings that were in several splits before they were declared.
AGAIN = "; drawn again, as its siblings were in several splits"


def drawn_splits(given: pd.Series) -> list[str]:
    """Return the splits that the data doesn't give, and that are drawn from what it gives.

    Args:
        given: the split that the folder or the manifest gives each file, or None.
    """
    return [name for name in (TEST, VALIDATION) if not (given == name).any()]


def assign_splits(
    inventory: pd.DataFrame,
    remembered: pd.Series,
    *,
    test_fraction: float,
    validation_fraction: float,
    seed: int,
) -> pd.DataFrame:
    """Assign a split to every file.

    A test split is drawn only where the data has none, and validation is drawn from train only
    where the data has none. Files that have a split keep it.

    Args:
        inventory: with path, split (None where not given), label, sha256, group and siblings.
        remembered: the split each row had before, None for a new image.
        test_fraction: share of each class that goes to test.
        validation_fraction: share of the rest of each class that goes to validation.
        seed: of the draw.

    Returns:
        split (train, validation or test) and reason, in words; indexed as the inventory.
    """
    given = inventory[SPLIT]
    fractions = {TEST: test_fraction, VALIDATION: validation_fraction}
    missing = {name: fractions[name] for name in drawn_splits(given)}
    split = given.fillna(TRAIN)
    reason = pd.Series("given by the folder or the manifest", index=inventory.index, dtype="str")
    if not missing:
        return pd.DataFrame({SPLIT: split, REASON: reason})
    open_to_draw = given.isna() | (given == TRAIN)
    drawn = _draw_missing(inventory[open_to_draw], remembered[open_to_draw], missing, seed)
    return pd.DataFrame(
        {
            SPLIT: split.mask(open_to_draw, drawn[SPLIT]).astype("str"),
            REASON: reason.mask(open_to_draw, drawn[REASON]).astype("str"),
        }
    )


def _draw_missing(
    inventory: pd.DataFrame, remembered: pd.Series, fractions: dict[str, float], seed: int
) -> pd.DataFrame:
    """Return split and reason of rows that are in train unless they are drawn for another split.

    Args:
        inventory: the rows.
        remembered: the split each row had before, None for a new image.
        fractions: share of each split that is drawn; in the order of drawing.
        seed: of the draw.
    """
    rows = with_units(inventory)
    # A split that was drawn before, but is given by the data now, is not remembered.
    before = remembered.where(lambda names: names.isin([*fractions, TRAIN]))
    again = _are_apart(rows, before)
    before = before.mask(again)
    of_unit = rows.assign(**{SPLIT: before}).dropna(subset=SPLIT).drop_duplicates(UNIT)
    split = before.fillna(rows[UNIT].map(of_unit.set_index(UNIT)[SPLIT]).astype("str"))
    reason = before.notna().map({True: KNOWN, False: "the split of its group"}).astype("str")
    for name, fraction in fractions.items():
        # What is drawn for test first can't be drawn for validation any more.
        pool = rows[split.isna() | split.isin([name, TRAIN])]
        drawn = rows[UNIT].map(dict(_draw(pool, split, name, fraction, seed))).astype("str")
        new = drawn.notna()
        split, reason = split.mask(new, name), reason.mask(new, drawn)
    rest = f"not among those of its class drawn for {' or '.join(fractions)}"
    reason = reason.where(split.notna(), rest)
    reason = reason.mask(again, reason + AGAIN)
    return pd.DataFrame({SPLIT: split.fillna(TRAIN), REASON: reason})


def _are_apart(rows: pd.DataFrame, before: pd.Series) -> pd.Series:
    """Return whether the unit of each row holds siblings that were in different splits before."""
    known = before.notna() & rows[DECLARED]
    if not known.any():
        return known
    splits = before[known].groupby(rows[UNIT]).nunique()
    return rows[UNIT].isin(splits.index[splits > 1])


def _draw(
    pool: pd.DataFrame, split: pd.Series, name: str, fraction: float, seed: int
) -> Iterator[tuple[str, str]]:
    """Yield the units drawn for a split, each with the reason in words.

    Args:
        pool: rows that are in this split, in train, or in none yet.
        split: of each row so far, None for new images.
        name: of the split that is drawn.
        fraction: share of each class that is to be in it.
        seed: of the draw.
    """
    sizes = pool.groupby(LABEL).size()
    present = (split[pool.index] == name).groupby(pool[LABEL]).sum()
    free = pool[split[pool.index].isna()]
    units = units_of(free)
    salt = f"{seed}:{name}:".encode()
    # A hash of the content, not a generator's next number: other files don't change the draw.
    units["draw"] = _numbers(salt, units[CONTENT].tolist())
    units = units.sort_values("draw")
    # Siblings first, as many at once and of several classes; single files fill what is missing.
    if units[DECLARED].any():
        present = present.copy()
        targets = (fraction * sizes).round()
        yield from _draw_siblings(free, units.index[units[DECLARED]], targets, present, name)
        units = units[~units[DECLARED]]
    for label, own in units.groupby(LABEL, sort=False):
        target = round(fraction * sizes[label])
        drawn = list(_fitting(own, target - present[label]))
        # A class too small for its share is tested on one unit at least, if another one is left.
        if not drawn and not present[label] and fraction and sizes[label] > 1 < len(own):
            drawn = [str(own[FILES].idxmin())]
        for unit in drawn:
            reason = (
                f"drawn by its content among the new images of class {label}, until {name} had"
                f" {target} of {sizes[label]} files"
            )
            yield unit, reason


def _draw_siblings(
    free: pd.DataFrame, order: pd.Index, targets: pd.Series, present: pd.Series, name: str
) -> Iterator[tuple[str, str]]:
    """Yield the units of siblings that bring a split nearer to its targets, with the reason.

    Args:
        free: rows that are in no split yet.
        order: their units of siblings, in the order of the draw.
        targets: number of files of each class that the split is to have.
        present: number of files of each class in it; the files drawn are added.
        name: of the split.
    """
    counts = _files_by_class(free, order)
    drawn = []

    def take(unit: str) -> None:
        drawn.append(unit)
        for label, files in counts[unit].items():
            present[label] += files

    for unit in order:
        # A large unit may exceed the target by less than would be missing without it.
        gain = sum(
            abs(targets[label] - present[label]) - abs(targets[label] - present[label] - files)
            for label, files in counts[unit].items()
        )
        if gain > 0:
            take(unit)
    for label in targets.index[targets > 0]:
        own = [unit for unit in order if label in counts[unit]]
        # As of single files: a class is tested on one unit at least, if another one is left.
        if not present[label] and len(own) > 1:
            take(min(own, key=lambda unit: sum(counts[unit].values())))
    for unit in drawn:
        files = sum(counts[unit].values())
        yield unit, f"drawn by its content for {name}, with its siblings: {files} files"


def _files_by_class(rows: pd.DataFrame, units: pd.Index) -> dict[str, dict[str, int]]:
    """Return the number of files by unit and class."""
    counts: dict[str, dict[str, int]] = {}
    sizes = rows[rows[UNIT].isin(units)].groupby([UNIT, LABEL], as_index=False).size()
    for unit, label, files in zip(*(sizes[name] for name in sizes), strict=True):
        counts.setdefault(unit, {})[label] = files
    return counts


def _fitting(units: pd.DataFrame, missing: int) -> Iterator[str]:
    """Yield units in their order, skipping those with more files than are still missing."""
    for unit, files in zip(units.index, units[FILES], strict=True):
        if missing <= 0:
            return
        if files <= missing:
            missing -= files
            yield unit


def _numbers(salt: bytes, contents: Sequence[str]) -> np.ndarray:
    """Return (contents,) float64 in [0, 1), each of nothing but the salt and the content."""
    drawn = [
        hashlib.blake2b(salt + content.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        for content in contents
    ]
    return np.frombuffer(b"".join(drawn), ">u8") / 2.0**64
