"""Reads a manifest: a CSV or Parquet file goes in, a frame of paths, labels and splits comes out.

Paths are relative to the data folder and normalized, so that one file has one path.
"""

from __future__ import annotations

import csv
import posixpath
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from tasks.errors import DataFolderError
from tasks.inventory.columns import ERROR, LABEL, PATH, SPLIT, SPLIT_FOLDERS
from tasks.inventory.image_formats import IMAGE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")
SHOWN = 5
# More than enough to see a pattern; each costs a few look-ups on the disk.
PATHS_TRIED = 20


def read_manifest(manifest: Path, folder: Path) -> pd.DataFrame:
    """Return path, split, label and error of every row, sorted by path.

    Args:
        manifest: CSV file in UTF-8, or Parquet file.
        folder: the data folder, which paths are relative to and must not leave. A link in it may.

    Raises:
        DataFolderError: the manifest can't be read, lacks a column or has one twice, has paths that
            are no paths below the folder or occur twice, or splits with unknown names.
    """
    table = _table(manifest)
    missing = {PATH, LABEL} - set(table.columns)
    if missing or table.empty:
        raise DataFolderError(
            f"The manifest {manifest} must have columns path, label and optionally split, and at"
            f" least one row. Received: {len(table)} rows of {list(table.columns)}."
            + _separator_hint(table.columns)
        )
    frame = table.reindex(columns=[PATH, SPLIT, LABEL]).astype("str")
    frame = frame.mask(frame.isin(["", "nan"]) | table.reindex(columns=frame.columns).isna())
    _refuse_foreign_paths(frame[PATH], manifest, folder)
    frame[PATH] = [_normalized(path) for path in frame[PATH]]
    frame[SPLIT] = _known_splits(frame[SPLIT], manifest)
    _refuse_repeats(frame[PATH], manifest)
    return frame.assign(**{ERROR: None}).astype("str").sort_values(PATH, ignore_index=True)


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
    known = [name if name in (PATH, LABEL, SPLIT) else None for name in lower]
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


def _refuse_foreign_paths(paths: pd.Series, manifest: Path, folder: Path) -> None:
    """Refuse paths that can't be those of files below the folder, with one sentence for all."""
    below = f"Paths are relative to the data folder {folder}"

    def is_absolute(path: str) -> bool:
        return path.startswith("/") or DRIVE.match(path) is not None

    def has_backslash(path: str) -> bool:
        return "\\" in path and not _exists(folder, path)

    def leaves(path: str) -> bool:
        return ".." in path and _normalized(path).split("/", 1)[0] == ".."

    problems: tuple[tuple[Callable[[str], bool], str, str], ...] = (
        (is_absolute, "is absolute", f"{below}; write them without it."),
        (has_backslash, "has a backslash and names no file", "Write / between folders."),
        (leaves, "leaves the data folder", f"{below}; set data.directory to a folder above all."),
    )
    numbered = [(row, path) for row, path in enumerate(paths, 1) if isinstance(path, str)]
    for is_wrong, problem, remedy in problems:
        rows = [row for row, path in numbered if is_wrong(path)]
        if rows:
            raise DataFolderError(_sentence(manifest, rows, paths, problem, remedy))
    _refuse_missing_extensions(paths, manifest, folder)


def _refuse_missing_extensions(paths: pd.Series, manifest: Path, folder: Path) -> None:
    bare = [
        row
        for row, path in enumerate(paths, 1)
        if isinstance(path, str)
        and "." not in path.rpartition("/")[2]
        and not _exists(folder, path)
    ]
    for row in bare[:PATHS_TRIED]:
        path = paths.iloc[row - 1]
        for suffix in sorted(IMAGE_SUFFIXES | {each.upper() for each in IMAGE_SUFFIXES}):
            if _exists(folder, path + suffix):
                remedy = f"Write the whole name of the file, such as {path}{suffix}."
                raise DataFolderError(
                    _sentence(manifest, bare, paths, "lacks the extension", remedy)
                )


def _exists(folder: Path, path: str) -> bool:
    try:
        return Path(folder, path).exists()
    except (OSError, ValueError):
        return False


def _sentence(manifest: Path, rows: list[int], paths: pd.Series, problem: str, remedy: str) -> str:
    others = f", and {len(rows) - 1} more rows like it" if len(rows) > 1 else ""
    first = rows[0]
    return (
        f"In the manifest {manifest}, the path in row {first} {problem}: {paths.iloc[first - 1]}"
        f"{others}. {remedy}"
    )


def _normalized(path: str) -> str:
    """Return a path without `./`, `../` and the like: one file can't be listed under two names."""
    # Most paths need no work, and there may be a million of them.
    if not isinstance(path, str) or not ("./" in path or "//" in path or path[-1] in "./"):
        return path
    return posixpath.normpath(path)


def _known_splits(splits: pd.Series, manifest: Path) -> pd.Series:
    known = splits.str.strip().str.lower().map(SPLIT_FOLDERS)
    unknown = sorted(set(splits[splits.notna() & known.isna()]))
    if unknown:
        raise DataFolderError(
            f"Every split in the manifest {manifest} must be empty or one of"
            f" {', '.join(SPLIT_FOLDERS)}. Received: {', '.join(unknown[:SHOWN])}."
        )
    return known


def _refuse_repeats(paths: pd.Series, manifest: Path) -> None:
    repeated = (paths.duplicated(keep=False) | paths.isna()).to_numpy().nonzero()[0]
    if len(repeated):
        shown = (f"{paths.iloc[index]} (row {index + 1})" for index in repeated[:SHOWN])
        raise DataFolderError(
            f"The manifest {manifest} has rows without a path, or paths that occur twice:"
            f" {', '.join(shown)}."
        )
