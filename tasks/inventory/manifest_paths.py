"""Checks the paths of a manifest: each must be that of a file below the data folder, once."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import DataFolderError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")
SHOWN = 5


def refuse_foreign_paths(paths: pd.Series, manifest: Path, folder: Path) -> None:
    """Refuse paths that can't be those of files below the folder, with one sentence for all."""
    below = f"Paths are relative to the data folder {folder}"

    def is_absolute(path: str) -> bool:
        return path.startswith("/") or DRIVE.match(path) is not None

    def has_backslash(path: str) -> bool:
        return "\\" in path and not exists(folder, path)

    def leaves(path: str) -> bool:
        return ".." in path and normalized(path).split("/", 1)[0] == ".."

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


def refuse_repeats(paths: pd.Series, manifest: Path) -> None:
    """Refuse paths that are missing or occur twice."""
    repeated = (paths.duplicated(keep=False) | paths.isna()).to_numpy().nonzero()[0]
    if len(repeated):
        shown = (f"{paths.iloc[index]} (row {index + 1})" for index in repeated[:SHOWN])
        raise DataFolderError(
            f"The manifest {manifest} has rows without a path, or paths that occur twice:"
            f" {', '.join(shown)}."
        )


def normalized(path: str) -> str:
    """Return a path without `./`, `../` and the like: one file can't be listed under two names."""
    # Most paths need no work, and there may be a million of them.
    if not isinstance(path, str) or not ("./" in path or "//" in path or path[-1] in "./"):
        return path
    return posixpath.normpath(path)


def exists(folder: Path, path: str) -> bool:
    """Return whether a path names something below a folder."""
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
