"""Reads a manifest: a CSV or Parquet file goes in, a frame of paths, labels and splits comes out.

Paths are relative to the data folder and normalized, so that one file has one path.
"""

from __future__ import annotations

import csv
import warnings
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from tasks.errors import DataFolderError
from tasks.inventory.columns import ERROR, LABEL, PATH, SIBLINGS, SPLIT
from tasks.inventory.declared_groups import GROUP_NAME
from tasks.inventory.file_index import FileIndex
from tasks.inventory.folder_names import split_of
from tasks.inventory.folder_reading import Reading
from tasks.inventory.listing import list_files, list_named
from tasks.inventory.manifest_paths import (
    SHOWN,
    exists,
    normalized,
    refuse_foreign_paths,
    refuse_repeats,
)
from tasks.inventory.names_files import is_names_file, names_for
from tasks.inventory.raw_table import RawTable
from tasks.inventory.table_columns import read_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tasks.config.data import DataConfig

SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
KNOWN_COLUMNS = (PATH, LABEL, SPLIT, GROUP_NAME)
# More than enough to see a pattern; each costs a look-up on the disk.
PATHS_TRIED = 20


def read_manifest_folder(manifest: Path, folder: Path, settings: DataConfig) -> Reading:
    """Return the files that a manifest names, with their labels and splits.

    Raises:
        DataFolderError: as `read_manifest`.
    """
    notes: list[str] = []
    frame = read_manifest(
        manifest, folder, {str(ours): theirs for ours, theirs in settings.columns.items()}, notes
    )
    reading = Reading("manifest", list_named(folder, frame[PATH]), table=frame)
    reading.source = manifest.name
    reading.remarks.notes += notes
    return reading


def read_manifest(
    manifest: Path,
    folder: Path,
    columns: Mapping[str, str] | None = None,
    notes: list[str] | None = None,
) -> pd.DataFrame:
    """Return path, split, label, siblings and error of every row, sorted by path.

    Args:
        manifest: CSV file in UTF-8, or Parquet file.
        folder: the data folder, which paths are relative to and must not leave. A link in it may.
        columns: the user's names of the columns path, label, split and group.
        notes: receives in words which columns were read, where that was not certain.

    Raises:
        DataFolderError: the manifest can't be read, lacks a column or has one twice, has paths that
            are no paths below the folder or occur twice, or splits with unknown names.
    """
    notes = [] if notes is None else notes
    table = _renamed(_table(manifest), manifest, columns or {})
    files = _Files(folder)
    if table.empty or {PATH, LABEL} - set(table.columns):
        table = _recognized(table, manifest, files, columns or {}, notes)
    frame = table.reindex(columns=[PATH, SPLIT, LABEL, GROUP_NAME]).astype("str")
    frame = frame.mask(frame.isin(["", "nan"]) | table.reindex(columns=frame.columns).isna())
    frame = frame.rename(columns={GROUP_NAME: SIBLINGS})
    refuse_foreign_paths(frame[PATH], manifest, folder)
    frame[PATH] = files.found([normalized(path) for path in frame[PATH]])
    frame[LABEL] = _named(frame[LABEL], manifest, notes)
    frame[SPLIT] = _known_splits(frame[SPLIT], manifest)
    refuse_repeats(frame[PATH], manifest)
    return frame.assign(**{ERROR: None}).astype("str").sort_values(PATH, ignore_index=True)


def read_properties(
    manifest: Path, folder: Path, names: Iterable[str], columns: Mapping[str, str]
) -> pd.DataFrame:
    """Return columns of a manifest that are neither path, label, split nor group.

    Args:
        manifest: CSV file in UTF-8, or Parquet file.
        folder: the data folder.
        names: of the columns.
        columns: the user's names of the columns path, label, split and group.

    Returns:
        The columns, indexed by path.

    Raises:
        DataFolderError: the manifest can't be read, or has no such column.
    """
    table = _renamed(_table(manifest), manifest, columns)
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise DataFolderError(
            f"The manifest {manifest} has no column {missing[0]}. Received: {list(table.columns)}."
        )
    files = _Files(folder)
    paths = table[PATH] if PATH in table else _recognized(table, manifest, files, columns, [])[PATH]
    found = files.found([normalized(path) for path in paths.astype("str")])
    return table[[*names]].set_axis(pd.Index(found, name=PATH))


class _Files:
    """The images below the data folder, which are listed only where a manifest needs it.

    Args:
        folder: the data folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def index(self) -> FileIndex:
        """The images by all that a manifest may call them."""
        return FileIndex(list_files(self.folder).paths)

    def found(self, paths: list[str]) -> list[str]:
        """Return paths with those of existing files for names without folder or extension."""
        texts = [path for path in paths if isinstance(path, str)]
        bare = [path for path in texts if "." not in path.rpartition("/")[2]]
        tried = texts[:PATHS_TRIED] + bare[:PATHS_TRIED]
        if all(exists(self.folder, path) for path in tried):
            return paths
        return [
            self.index.find(path, "") or path if isinstance(path, str) else path for path in paths
        ]


def _renamed(table: pd.DataFrame, manifest: Path, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return a table with the user's columns under our names."""
    names = {str(name).lower(): name for name in table.columns}
    missing = [name for name in columns.values() if name.lower() not in names]
    if missing:
        raise DataFolderError(
            f"The manifest {manifest} has no column {missing[0]}, which data.columns names."
            f" Received: {list(table.columns)}."
        )
    renamed = {names[name.lower()]: ours for ours, name in columns.items()}
    others = [name for name in columns if name in table.columns and name not in renamed]
    return table.drop(columns=others).rename(columns=renamed)


def _recognized(
    table: pd.DataFrame,
    manifest: Path,
    files: _Files,
    columns: Mapping[str, str],
    notes: list[str],
) -> pd.DataFrame:
    """Return a table of other columns with those it seems to have for path, label and split."""
    known = {name: name for name in KNOWN_COLUMNS if name in table.columns}
    is_wide = not table.empty and len(table.columns) > 1
    found = (
        read_columns(RawTable(manifest.name, table, is_named=True), files.index, known)
        if is_wide
        else ""
    )
    if isinstance(found, str):
        raise DataFolderError(
            f"The manifest {manifest} must have columns path, label and optionally split and"
            f" group, and at least one row. Received: {len(table)} rows of {list(table.columns)}."
            + _separator_hint(table.columns)
            + (f" Under other names they were not found: {found}." if found else "")
            + ("" if columns else ' Name them, as in data.columns = { path = "image_id" }.')
        )
    notes.append(
        f"The labels of {manifest.name} are those of {found.label_column}; data.columns names other"
        " columns."
    )
    return found.rows


def _named(labels: pd.Series, manifest: Path, notes: list[str]) -> pd.Series:
    """Return labels with the names that a file beside the manifest has for numbered classes."""
    distinct = set(labels.dropna())
    if not all(label.isdecimal() for label in distinct):
        return labels
    beside = [file for file in sorted(manifest.parent.iterdir()) if file.name != manifest.name]
    names = names_for(distinct, [file for file in beside if is_names_file(file.name)])
    if names is None:
        return labels
    notes.append(f"The classes are named by {names[0].name}.")
    return labels.map(names[1]).astype("str")


def _table(manifest: Path) -> pd.DataFrame:
    try:
        if manifest.suffix.lower() == ".parquet":
            table = pd.read_parquet(manifest)
            return table.set_axis(_columns(manifest, table.columns), axis="columns")
        with warnings.catch_warnings():
            # Rows of more fields than the header has: pandas would drop the last ones.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                manifest,
                names=_columns(manifest, _header(manifest)),
                header=0,
                index_col=False,
                # As text: pandas would read a class called "None" or "NA" as missing, 007 as 7.
                dtype="str",
                keep_default_na=False,
                skipinitialspace=True,
                encoding="utf-8-sig",
            )
    except UnicodeError as error:
        raise DataFolderError(
            f"The manifest {manifest} is not in UTF-8; save it as UTF-8: {error}"
        ) from None
    except (OSError, ValueError, pd.errors.ParserWarning) as error:
        raise DataFolderError(
            f"The manifest {manifest} can't be read: {str(error).strip()}"
        ) from None


def _header(manifest: Path) -> list[str]:
    # `utf-8-sig`, as spreadsheets write a byte order mark before the first name.
    with manifest.open(encoding="utf-8-sig", newline="") as file:
        return next((row for row in csv.reader(file, skipinitialspace=True) if row), [])


def _columns(manifest: Path, names: Iterable[object]) -> list[str]:
    columns = [str(name).strip() for name in names]
    lower = [name.lower() for name in columns]
    known = [name if name in KNOWN_COLUMNS else None for name in lower]
    repeated = sorted({name for name in known if name is not None and known.count(name) > 1})
    if repeated:
        raise DataFolderError(
            f"The manifest {manifest} has more than one column {', '.join(repeated)}; keep one."
            f" Received: {columns}"
        )
    # Other columns are not read. Numbered, as pandas refuses two of one name.
    return [
        known[index] or (name if columns.count(name) == 1 else f"{name} {index + 1}")
        for index, name in enumerate(columns)
    ]


def _separator_hint(columns: Iterable[str]) -> str:
    (header, *others) = columns
    for separator, noun in SEPARATORS.items():
        if not others and separator in header:
            return f" Its columns seem to be separated by {noun}; save it with commas."
    return ""


def _known_splits(splits: pd.Series, manifest: Path) -> pd.Series:
    names = {name: split_of(name) for name in splits.dropna().unique()}
    known = splits.map(names).astype("str")
    unknown = sorted(set(splits[splits.notna() & known.isna()]))
    if unknown:
        raise DataFolderError(
            f"Every split in the manifest {manifest} must be empty, train, validation or test, or"
            f" one of their common names. Received: {', '.join(unknown[:SHOWN])}."
        )
    return known
