"""Compares class folders with the tables beside them, and takes the splits that lists give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from tasks.errors import DataFolderError
from tasks.inventory.columns import LABEL, PATH, SPLIT
from tasks.inventory.declared_groups import GROUP_NAME
from tasks.inventory.file_index import FileIndex
from tasks.inventory.folder_tree import folder_of
from tasks.inventory.image_formats import IMAGE_SUFFIXES, suffix_of
from tasks.inventory.label_tables import find_tables, tables_among
from tasks.inventory.names_files import is_names_file, names_for
from tasks.inventory.raw_table import RawTable, named_files
from tasks.inventory.side_columns import read_sides
from tasks.inventory.table_files import TABLE_SUFFIXES, read_table

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.config.data import DataConfig
    from tasks.inventory.folder_reading import Reading
    from tasks.inventory.label_tables import FoundTables

# A table of nearly all images is about them; of fewer, it is about something else.
MIN_SHARE = 0.9
MIN_SPLITS, CLASSES_SHOWN = 2, 3
FOLDER = "folder"


def read_tables_beside(root: Path, settings: DataConfig, reading: Reading) -> None:
    """Add the splits and groups that tables and lists give; mention tables of labels.

    Raises:
        DataFolderError: a table of labels contradicts the folders; the message names settings.
    """
    classes = {folder for folder, (_, label) in reading.places.items() if label is not None}
    beside = [
        path
        for path in reading.listing.passed_over
        if suffix_of(path) in TABLE_SUFFIXES and folder_of(path) not in classes
    ]
    if not beside:
        return
    index = FileIndex(reading.listing.paths)
    if not reading.given_splits:
        _add_listed_splits(root, beside, index, reading)
    columns = {str(ours): theirs for ours, theirs in settings.columns.items()}
    _compare_labels(root, find_tables(root, beside, index, columns), reading)
    for file in tables_among(beside):
        if file not in reading.used and (read := read_table(root / file)) is not None:
            _add_sides(read_sides(RawTable(file, *read), index, columns), file, index, reading)


def name_numbered_folders(root: Path, reading: Reading) -> None:
    """Give class folders that are called by numbers the names that a file beside them lists."""
    labels = {label for _, label in reading.places.values() if label is not None}
    if not labels or not all(map(str.isdecimal, labels)):
        return
    folders = {"", reading.base, *map(folder_of, filter(None, [reading.base]))}
    files = [
        path
        for path in reading.listing.passed_over
        if folder_of(path) in folders and is_names_file(path.rpartition("/")[2])
    ]
    found = names_for(labels, [root / path for path in files])
    # A list of files is no list of classes.
    if found is None or any(suffix_of(name) in IMAGE_SUFFIXES for name in found[1].values()):
        return
    file, names = found[0].relative_to(root).as_posix(), found[1]
    for folder, (split, label) in reading.places.items():
        reading.places[folder] = split, names.get(label or "", label)
    reading.used.add(file)
    number = min(labels, key=int)
    reading.remarks.notes.append(
        f"The classes are named by {file}: {number}/ is {names[number]}; with this file in"
        " data.leave_out, they keep their numbers."
    )


def _add_listed_splits(root: Path, files: list[str], index: FileIndex, reading: Reading) -> None:
    lists: dict[str, list[tuple[str, list[str]]]] = {}
    for file in tables_among(files):
        if RawTable.split_of(file) is None or (read := read_table(root / file)) is None:
            continue
        raw = RawTable(file, *read)
        if named := named_files(raw, index):
            lists.setdefault(str(raw.split), []).append((file, named))
    listed = {split: found[0] for split, found in lists.items() if len(found) == 1}
    paths = [path for _, named in listed.values() for path in named]
    is_split = len(set(paths)) == len(paths) >= MIN_SHARE * len(index.paths)
    if len(listed) < MIN_SPLITS or len(listed) < len(lists) or not is_split:
        return
    for split, (file, named) in listed.items():
        reading.rows |= {path: (split, reading.places[folder_of(path)][1]) for path in named}
        reading.used.add(file)
    names = " and ".join(file for file, _ in listed.values())
    reading.remarks.notes.append(
        f"The splits are those that {names} list; with these files in data.leave_out, new ones are"
        " drawn."
    )


def _add_sides(rows: pd.DataFrame | None, file: str, index: FileIndex, reading: Reading) -> None:
    """Add the splits and groups that a table of nearly all images has columns for."""
    if rows is None or len(rows) < MIN_SHARE * len(index.paths):
        return
    splits = rows.dropna(subset=SPLIT)
    is_whole = len(splits) >= MIN_SHARE * len(index.paths)
    if not reading.given_splits and is_whole and splits[SPLIT].nunique() >= MIN_SPLITS:
        reading.rows |= {
            path: (split, reading.places[folder_of(path)][1])
            for path, split in zip(splits[PATH], splits[SPLIT], strict=True)
        }
        reading.used.add(file)
        reading.remarks.notes.append(
            f"The splits are those of {file}; with this file in data.leave_out, new ones are drawn."
        )
    groups = rows.dropna(subset=GROUP_NAME)
    if not reading.siblings and len(groups):
        reading.siblings = dict(zip(groups[PATH], groups[GROUP_NAME], strict=True))
        reading.used.add(file)


def _compare_labels(root: Path, found: FoundTables, reading: Reading) -> None:
    for table in found.tables:
        rows = table.rows.dropna(subset=LABEL)
        folders = [reading.places.get(folder_of(path), (None, None))[1] for path in rows[PATH]]
        pairs = pd.DataFrame({FOLDER: folders, LABEL: rows[LABEL].to_numpy()}).dropna()
        is_whole = len(pairs) >= MIN_SHARE * len(reading.listing.paths)
        # A column that isn't called like a label is about something else.
        if not is_whole or not table.is_sure or table.file in reading.used:
            continue
        per_folder = pairs.groupby(FOLDER)[LABEL].nunique()
        per_label = pairs.groupby(LABEL)[FOLDER].nunique()
        if per_folder.max() == per_label.max() == 1:
            continue
        if (per_folder > 1).mean() > 1 / 2 < (per_label > 1).mean():
            raise DataFolderError(_contradiction(root, table.file, table.label_column, pairs))
        reading.remarks.notes.append(
            f"The classes are the folders; {table.label_column} of {table.file} names others, which"
            f" data.manifest = '{root / table.file}' reads."
        )


def _contradiction(root: Path, file: str, column: str, pairs: pd.DataFrame) -> str:
    def names(labels: pd.Series) -> str:
        distinct = sorted(set(labels))
        more = ", ..." if len(distinct) > CLASSES_SHOWN else ""
        return f"{len(distinct)} classes ({', '.join(distinct[:CLASSES_SHOWN])}{more})"

    return (
        f"The folders under {root} name {names(pairs[FOLDER])}, and {column} of {file} names"
        f" {names(pairs[LABEL])}, each across several folders. Write data.manifest ="
        f" '{root / file}' to take the labels of the table, or data.layout = \"class\" to take the"
        " folders."
    )
