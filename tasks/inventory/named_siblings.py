"""Paths and labels go in; images that are named like siblings, and a pattern of it, come out.

A name alone proves little: a folder renamed by Windows holds `cat (1)` to `cat (500)`, and two
folders numbered from 1 hold different images of one name. Where a name can mean something else, the
images of a family must also be more alike than others of their class.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pandas as pd

from tasks.inventory.columns import LABEL, PATH
from tasks.inventory.folder_tree import folder_of
from tasks.inventory.numbered_siblings import candidates_by_number
from tasks.inventory.sibling_families import Family, pattern_of, stem_of
from tasks.inventory.sibling_names import HINT, MadeFrom, made_from, shorter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PAIRS_PER_FAMILY = 12


class AreAlike(Protocol):
    """Says whether pairs of images, by row numbers, are more alike than others of their class."""

    def __call__(self, pairs: Sequence[tuple[int, int]], *, surely: bool = False) -> bool:
        """Return it; `surely` where nothing else says that they belong together."""


@dataclass(frozen=True)
class NamedSiblings:
    """Families of images by their names.

    Attributes:
        family: of each image, a number; None for one without siblings. Indexed as the inventory.
        pattern: a value of data.group_pattern that keeps them together; nothing without families.
    """

    family: pd.Series
    pattern: str = ""


def find_named_siblings(inventory: pd.DataFrame, are_alike: AreAlike) -> NamedSiblings:
    """Find images of one class that are named like siblings.

    Args:
        inventory: path and label; a row without a label has no siblings.
        are_alike: is asked about images whose names may mean something else.
    """
    nothing = NamedSiblings(pd.Series(None, index=inventory.index, dtype="Int64"))
    paths, labels = inventory[PATH], inventory[LABEL]
    hinted = paths.str.contains(HINT, regex=True).fillna(value=False) & labels.notna()
    kept: list[Family] = []
    if hinted.any():
        names = _Names(paths.tolist(), labels.tolist(), hinted.to_numpy().nonzero()[0].tolist())
        kept += names.believed(are_alike)
    taken = {row for family in kept for row in family.rows}
    for candidates in candidates_by_number(inventory, taken):
        if are_alike(candidates.pairs, surely=True):
            kept += candidates.families
            taken.update(candidates.rows.index)
    if not kept:
        return nothing
    numbers = {row: number for number, family in enumerate(kept) for row in family.rows}
    family = pd.Series(
        [numbers.get(row) for row in range(len(inventory))], index=inventory.index, dtype="Int64"
    )
    return NamedSiblings(family, pattern_of(kept, paths.tolist()))


class _Names:
    """The names of all images, of which a few may be those of siblings.

    Args:
        paths: relative POSIX paths.
        labels: of each image.
        hinted: numbers of the rows to look at.
    """

    def __init__(self, paths: list[str], labels: list[str], hinted: list[int]) -> None:
        self.paths, self._labels = paths, labels
        self._sizes = Counter(labels)
        found = ((row, made_from(stem_of(paths[row]))) for row in hinted)
        self._made = {row: made for row, made in found if made is not None}

    def believed(self, are_alike: AreAlike) -> Iterator[Family]:
        """Yield the families that their names prove, or their names and their images."""
        sets: dict[tuple[bool, bool], list[Family]] = defaultdict(list)
        for family in self._families():
            if self._is_certain(family):
                yield family
            else:
                is_copy = all(each.is_numbered_copy for each in family.made)
                sets[is_copy, self._is_repeated(family)].append(family)
        for (_, is_repeated), families in sets.items():
            if are_alike([pair for family in families for pair in self._pairs(family)]):
                yield from families
            elif is_repeated:
                # Each folder is numbered for itself.
                parts = itertools.chain.from_iterable(map(self._by_folder, families))
                yield from filter(self._is_certain, parts)

    def _families(self) -> list[Family]:
        """Return all families of two images or more, by the most plausible reading of the names."""
        sources = self._unmarked()
        readings = [self._read(reading, sources) for reading in self._readings()]

        prefixed = sum(bool(made.prefix) for made in self._made.values())

        def plausibility(families: list[Family]) -> tuple[int, bool]:
            named = [sum(bool(made.prefix) for made in family.made) for family in families]
            with_source = [
                count for count, family in zip(named, families, strict=True) if family.has_source
            ]
            return sum(with_source), 2 * sum(named) >= prefixed

        # The first of equals, which takes away least of the names.
        return max(readings, key=plausibility, default=[])

    def _read(
        self, reading: dict[int, MadeFrom], sources: dict[tuple[str, str], list[int]]
    ) -> list[Family]:
        families: dict[tuple[str, str], Family] = {}
        for row, made in reading.items():
            family = families.setdefault((self._labels[row], made.source), Family(made.source))
            family.rows.append(row)
            family.made.append(made)
        for key, family in families.items():
            family.has_source = key in sources
            family.rows = sorted([*family.rows, *sources.get(key, [])])
        return [family for family in families.values() if len(family.rows) > 1]

    def _is_certain(self, family: Family) -> bool:
        """Return whether the names alone say that a family is one."""
        size = self._sizes[self._labels[family.rows[0]]]
        return family.is_certain(size) and not self._is_repeated(family)

    def _pairs(self, family: Family) -> list[tuple[int, int]]:
        """Return some pairs of a family: of several folders, where that is in doubt."""
        is_repeated = self._is_repeated(family)
        pairs = itertools.islice(itertools.combinations(family.rows, 2), 10 * PAIRS_PER_FAMILY)
        wanted = (
            pair for pair in pairs if not is_repeated or len(set(map(self._folder_of, pair))) > 1
        )
        return list(itertools.islice(wanted, PAIRS_PER_FAMILY))

    def _by_folder(self, family: Family) -> Iterator[Family]:
        for folder in sorted(set(map(self._folder_of, family.rows))):
            rows = [row for row in family.rows if self._folder_of(row) == folder]
            made = [self._made[row] for row in rows if row in self._made]
            if len(rows) > 1 and made:
                yield Family(family.source, rows, made, has_source=len(made) < len(rows))

    def _folder_of(self, row: int) -> str:
        return folder_of(self.paths[row])

    def _is_repeated(self, family: Family) -> bool:
        """Return whether a name stands for several images: folders may be numbered from 1 each."""
        if len(set(map(self._folder_of, family.rows))) == 1:
            return False
        stems = Counter(stem_of(self.paths[row]) for row in family.rows)
        return max(stems.values()) > 1 or not re.search(r"[A-Za-z]", family.source)

    def _unmarked(self) -> dict[tuple[str, str], list[int]]:
        """Return the rows of names that are no more than a source, by label and name."""
        wanted = {
            (self._labels[row], each.source)
            for row, made in self._made.items()
            for each in shorter(made)
        }
        rows: dict[tuple[str, str], list[int]] = defaultdict(list)
        for row, path in enumerate(self.paths):
            key = self._labels[row], stem_of(path)
            if row not in self._made and key in wanted:
                rows[key].append(row)
        return rows

    def _readings(self) -> Iterator[dict[int, MadeFrom]]:
        """Yield what the names mean, in several ways where they have a prefix."""
        readings = {row: list(shorter(made)) for row, made in self._made.items()}
        for length in range(max(map(len, readings.values()), default=0)):
            yield {row: each[min(length, len(each) - 1)] for row, each in readings.items()}
