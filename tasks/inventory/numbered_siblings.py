"""Paths and labels go in; images whose names differ by a number alone, or not at all, come out.

`cat12_0` to `cat12_7` may be copies of one source, frames of one scene, or images with numbers, and
`cat/b/12` may be made from `cat/a/12`, or be another image of a folder numbered from 1. The names
decide nothing here: they say which images to compare.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tasks.inventory.columns import LABEL, PATH
from tasks.inventory.folder_tree import folder_of
from tasks.inventory.sibling_families import Family, form_of
from tasks.inventory.sibling_names import MadeFrom

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

# What is taken away from a name, one way after another: a number at its end (cat12_0, cat12.0,
# cat12_t0), one before the last word (p12_s0_left), random characters at its end, and a number or
# random characters at its beginning.
RANDOM = r"(?:[0-9a-f]{6,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
TAILS = (
    r"[_.~ -]+[A-Za-z]{0,5}\d{1,4}$",
    r"[_.~ -]+[A-Za-z]{0,5}\d{1,4}[_.~ -]+[0-9A-Za-z]+$",
    rf"[_.-]+{RANDOM}$",
)
HEADS = (rf"^(?:\d{{1,4}}|{RANDOM})[_.-]+",)
# A pattern for more forms would be no pattern.
MOST_FORMS = 8
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
        is_behind: whether the source is the end of the name.
    """

    rows: pd.DataFrame
    is_behind: bool = False

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Row numbers of two images of one source each."""
        same = self.rows.duplicated([LABEL, SOURCE], keep="first").to_numpy()
        numbers = self.rows.index.to_numpy()
        return list(
            zip(numbers[:-1][same[1:]].tolist(), numbers[1:][same[1:]].tolist(), strict=True)
        )

    @property
    def families(self) -> list[Family]:
        """One family for each source."""
        found: dict[tuple[str, str], Family] = {}
        columns = (self.rows[name] for name in (LABEL, NAME, SOURCE))
        for row, label, name, source in zip(self.rows.index, *columns, strict=True):
            family = found.setdefault((label, source), Family(source))
            family.rows.append(int(row))
            family.made.append(self._made_from(name, source))
        return list(found.values())

    @property
    def forms(self) -> set[str]:
        """What is taken away from the names, whatever the numbers."""
        made = itertools.starmap(
            self._made_from, self.rows[[NAME, SOURCE]].itertuples(index=False, name=None)
        )
        return {form_of(each.prefix + each.suffix) for each in made}

    def _made_from(self, name: str, source: str) -> MadeFrom:
        if self.is_behind:
            return MadeFrom(source, name.removesuffix(source), "", is_sure=False)
        return MadeFrom(source, "", name.removeprefix(source), is_sure=False)


def candidates_by_number(inventory: pd.DataFrame, taken: Collection[int]) -> Iterator[Candidates]:
    """Yield images with the same name up to a number, and those of one name in several folders.

    Args:
        inventory: path and label.
        taken: numbers of rows that have siblings already; looked at again before each yield.
    """
    names = inventory[PATH].str.replace(r"^.*/", "", regex=True)
    names = names.str.replace(r"\.[^.]*$", "", regex=True)
    every = pd.DataFrame({LABEL: inventory[LABEL], NAME: names}).reset_index(drop=True)
    sizes = every[LABEL].value_counts()
    for part in (*TAILS, *HEADS):
        rows = every.drop(index=list(taken)).dropna(subset=LABEL)
        sources = rows[NAME].str.replace(part, "", regex=True)
        is_named = (sources != rows[NAME]) & sources.str.contains(r"[0-9A-Za-z]", regex=True)
        if is_named.sum() >= LEAST_SHARE * len(inventory):
            named = rows.assign(**{SOURCE: sources})[is_named]
            yield from _candidates(named, sizes, len(inventory), is_behind=part in HEADS)
    rows = every.drop(index=list(taken)).dropna(subset=LABEL)
    repeated = rows[rows.duplicated([LABEL, NAME], keep=False)]
    if len(repeated) >= LEAST_SHARE * len(inventory):
        folders = inventory[PATH].iloc[repeated.index.to_numpy()].map(folder_of).to_numpy()
        in_one = pd.DataFrame({LABEL: repeated[LABEL], NAME: repeated[NAME], "folder": folders})
        is_alone = ~in_one.duplicated().to_numpy()
        yield from _candidates(
            repeated[is_alone].assign(**{SOURCE: repeated[NAME]}), sizes, len(inventory)
        )


def _candidates(
    rows: pd.DataFrame, sizes: pd.Series, total: int, *, is_behind: bool = False
) -> Iterator[Candidates]:
    """Yield the rows with a source that several share, if they are enough to judge."""
    counts = rows.groupby([LABEL, SOURCE])[NAME].transform("size")
    most = np.minimum(MOST_IMAGES, rows[LABEL].map(sizes) * MOST_OF_CLASS)
    # A pattern would take the number away from all names.
    if (counts > most).mean() > LEAST_SHARE:
        return
    own = rows[(counts > 1) & (counts <= most)].sort_values([LABEL, SOURCE], kind="stable")
    own = own[own[LABEL].isin(_with_many_sources(own))]
    families = len(own.drop_duplicates([LABEL, SOURCE]))
    if families >= LEAST_FAMILIES and len(own) >= LEAST_SHARE * total:
        candidates = Candidates(own, is_behind)
        if len(candidates.forms) <= MOST_FORMS:
            yield candidates


def _with_many_sources(rows: pd.DataFrame) -> pd.Index:
    """Return the labels with more sources than images of one: few large ones are kinds or views."""
    sizes = rows.groupby([LABEL, SOURCE]).size().groupby(LABEL)
    labels: pd.Index = sizes.size().index[sizes.size() >= sizes.median()]
    return labels
