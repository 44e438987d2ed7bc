"""Finds the tables beside images that hold their labels: labels.csv, train.csv, annotations.txt."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pandas as pd

from tasks.inventory.box_files import why_no_tables
from tasks.inventory.columns import LABEL, PATH, SPLIT
from tasks.inventory.folder_names import splits_in, words_of
from tasks.inventory.folder_tree import folder_of
from tasks.inventory.image_formats import suffix_of
from tasks.inventory.names_files import is_names_file, names_for
from tasks.inventory.raw_table import RawTable
from tasks.inventory.table_columns import LabelTable, read_columns
from tasks.inventory.table_files import TABLE_SUFFIXES, read_table

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from tasks.inventory.file_index import FileIndex

# More tables in one folder are annotations of single images; more in all would take a while.
MAX_PER_FOLDER, MAX_TABLES = 30, 60
# Tables that hold what somebody predicted, and not what is.
GUESSES = frozenset(("submission", "submissions", "predictions", "prediction"))
LABEL_FILES = frozenset(("label", "labels", "annotations", "train", "training", "metadata", "data"))
MIN_SPLITS = 2


@dataclass(frozen=True)
class FoundTables:
    """What the tables of a data folder say.

    Attributes:
        tables: those with labels, each of images that no other one names.
        reasons: why each of the others is of no use, by its path.
        rivals: paths of tables that give the same images different labels, if there are any.
    """

    tables: tuple[LabelTable, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)
    rivals: tuple[str, ...] = ()

    @property
    def rows(self) -> pd.DataFrame:
        """Path, label and split of all images that the tables name."""
        return pd.concat([_with_split(table, self.tables) for table in self.tables])


def find_tables(
    root: Path,
    passed_over: Sequence[str],
    index: FileIndex,
    columns: Mapping[str, str],
    known: Collection[str] = (),
) -> FoundTables:
    """Return the tables that name the images and their labels.

    Args:
        root: the data folder.
        passed_over: relative paths of the files beside the images.
        index: of the images.
        columns: the user's names of the columns path, label and split.
        known: classes that are known already.
    """
    found: list[LabelTable] = []
    reasons, known_others = why_no_tables(root, passed_over, index.paths)
    for file in tables_among([path for path in passed_over if path not in known_others]):
        read = read_table(root / file)
        if read is None:
            continue
        labels = read_columns(RawTable(file, *read), index, columns, known)
        if isinstance(labels, str):
            reasons[file] = labels
        else:
            found.append(with_names(labels, root, passed_over))
    kept = _without_repeats(found)
    return FoundTables(tuple(kept), reasons, _rivals(kept, found))


def with_names(table: LabelTable, root: Path, passed_over: Sequence[str]) -> LabelTable:
    """Return a table with the names of its numbered labels, where a file beside it has them."""
    labels = table.rows[LABEL].dropna()
    beside = {folder_of(table.file), ""}
    files = [
        path
        for path in passed_over
        if folder_of(path) in beside
        and path != table.file
        and is_names_file(path.rpartition("/")[2])
    ]
    names = names_for(set(labels), [root / path for path in files])
    if names is None:
        return table
    file, by_label = names
    rows = table.rows.assign(**{LABEL: table.rows[LABEL].map(by_label)})
    return replace(table, rows=rows, names_file=file.relative_to(root).as_posix())


def tables_among(passed_over: Sequence[str]) -> list[str]:
    """Return the files that may be tables of labels, those with a telling name first."""
    files = [path for path in passed_over if suffix_of(path) in TABLE_SUFFIXES]
    counts = pd.Series(files, dtype="str").map(folder_of).value_counts()
    files = [
        path
        for path in files
        if counts[folder_of(path)] <= MAX_PER_FOLDER and not set(words_of(path)) & GUESSES
    ]

    def rank(path: str) -> tuple[bool, int, str]:
        name = path.rpartition("/")[2]
        return not set(words_of(name)) & LABEL_FILES, path.count("/"), path

    return sorted(files, key=rank)[:MAX_TABLES]


def _without_repeats(tables: Sequence[LabelTable]) -> list[LabelTable]:
    """Return tables of different images; of two for the same images, the one with more of them."""
    kept: list[LabelTable] = []
    taken: set[str] = set()
    # Those whose column is sure first; sorting keeps the order of equals.
    for table in sorted(
        tables, key=lambda table: (not table.is_sure, table.missing - len(table.rows))
    ):
        paths = set(table.rows[PATH])
        if not paths & taken:
            kept.append(table)
            taken |= paths
    return kept


def _rivals(kept: Sequence[LabelTable], found: Sequence[LabelTable]) -> tuple[str, ...]:
    """Return the files of tables that are as sure as a kept one, and contradict it."""
    for table in kept:
        own = table.rows.set_index(PATH)[LABEL]
        for other in found:
            if other is table or other.is_sure is not table.is_sure:
                continue
            pairs = pd.concat([own, other.rows.set_index(PATH)[LABEL]], axis=1, join="inner")
            pairs = pairs.dropna().drop_duplicates()
            # Other names of the same classes are no contradiction.
            if len(pairs) > max(pairs.nunique(), default=0):
                return table.file, other.file
    return ()


def _with_split(table: LabelTable, tables: Sequence[LabelTable]) -> pd.DataFrame:
    """Return a table's rows, with the split that its name gives if others are of other splits."""
    given = {each.file: splits_in(each.file.rpartition("/")[2]) for each in tables}
    named = [next(iter(splits)) for splits in given.values() if len(splits) == 1]
    own = given[table.file]
    if len(own) != 1 or len(set(named)) < MIN_SPLITS:
        return table.rows
    return table.rows.assign(**{SPLIT: table.rows[SPLIT].fillna(next(iter(own)))})
