"""Paths and labels go in; images whose names differ by a number alone, or not at all, come out.

`cat12_0` to `cat12_7` may be copies of one source, frames of one scene, or images with numbers, and
`cat/b/12` may be made from `cat/a/12`, or be another image of a folder numbered from 1. The names
decide nothing here: they say which images to compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tasks.inventory.columns import LABEL, PATH
from tasks.inventory.folder_tree import folder_of
from tasks.inventory.sibling_families import Family
from tasks.inventory.sibling_names import MadeFrom

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

NUMBERED = r"[0-9A-Za-z)][_-]\d{1,4}$"
NUMBER = r"[_-]\d{1,4}$"
# Of fewer families, or of fewer of the images, a comparison says little.
LEAST_FAMILIES, LEAST_SHARE = 4, 0.1
# More are the images of a whole class or of a day, and not of one source.
MOST_IMAGES, MOST_OF_CLASS = 50, 1 / 3
NAME, SOURCE = "name", "source"


@dataclass(frozen=True)
class Candidates:
    """Images that are siblings if they look like it.

    Attributes:
        rows: label, name and source, in the order of label and source; indexed by row number.
    """

    rows: pd.DataFrame

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Row numbers of two images of one source each."""
        same = self.rows.duplicated([LABEL, SOURCE], keep="first").to_numpy()
        numbers = self.rows.index.to_numpy()
        return list(
            zip(numbers[:-1][same[1:]].tolist(), numbers[1:][same[1:]].tolist(), strict=True)
        )

    def families(self) -> list[Family]:
        """Return one family for each source."""
        found: dict[tuple[str, str], Family] = {}
        columns = (self.rows[name] for name in (LABEL, NAME, SOURCE))
        for row, label, name, source in zip(self.rows.index, *columns, strict=True):
            family = found.setdefault((label, source), Family(source))
            family.rows.append(int(row))
            family.made.append(MadeFrom(source, "", name[len(source) :], is_sure=False))
        return list(found.values())


def candidates_by_number(inventory: pd.DataFrame, taken: Collection[int]) -> Iterator[Candidates]:
    """Yield images with the same name up to a number, and those of one name in several folders.

    Args:
        inventory: path and label.
        taken: numbers of rows that have siblings already.
    """
    names = inventory[PATH].str.replace(r"^.*/", "", regex=True)
    names = names.str.replace(r"\.[^.]*$", "", regex=True)
    rows = pd.DataFrame({LABEL: inventory[LABEL], NAME: names}).reset_index(drop=True)
    rows = rows.drop(index=list(taken)).dropna(subset=LABEL)
    sizes = rows[LABEL].value_counts()
    numbered = rows[rows[NAME].str.contains(NUMBERED, regex=True)]
    if len(numbered) >= LEAST_SHARE * len(inventory):
        sources = numbered[NAME].str.replace(NUMBER, "", regex=True)
        yield from _candidates(numbered.assign(**{SOURCE: sources}), sizes, len(inventory))
    repeated = rows[rows.duplicated([LABEL, NAME], keep=False)]
    if len(repeated) >= LEAST_SHARE * len(inventory):
        folders = inventory[PATH].iloc[repeated.index.to_numpy()].map(folder_of).to_numpy()
        in_one = pd.DataFrame({LABEL: repeated[LABEL], NAME: repeated[NAME], "folder": folders})
        is_alone = ~in_one.duplicated().to_numpy()
        yield from _candidates(
            repeated[is_alone].assign(**{SOURCE: repeated[NAME]}), sizes, len(inventory)
        )


def _candidates(rows: pd.DataFrame, sizes: pd.Series, total: int) -> Iterator[Candidates]:
    """Yield the rows with a source that several share, if they are enough to judge."""
    counts = rows.groupby([LABEL, SOURCE])[NAME].transform("size")
    most = np.minimum(MOST_IMAGES, rows[LABEL].map(sizes) * MOST_OF_CLASS)
    # A pattern would take the number away from all names.
    if (counts > most).mean() > LEAST_SHARE:
        return
    own = rows[(counts > 1) & (counts <= most)].sort_values([LABEL, SOURCE], kind="stable")
    families = len(own.drop_duplicates([LABEL, SOURCE]))
    if families >= LEAST_FAMILIES and len(own) >= LEAST_SHARE * total:
        yield Candidates(own)
