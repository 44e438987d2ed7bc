"""Paths as a user gives them go in; files come out, or the reason why one can't be read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.errors import DataFolderError, UsageError
from tasks.inventory.image_file import error_reason
from tasks.inventory.listing import list_files, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

MISSING = "No such image or folder"
EMPTY_FOLDER = "a folder without images"


@dataclass(frozen=True)
class GivenFile:
    """A file to predict.

    Attributes:
        path: of the file, or of the folder it could not be found in.
        error: why it can't be read; None as far as is known before it is opened.
    """

    path: Path
    error: str | None = None

    @property
    def name(self) -> str:
        """The path in printable form."""
        return printable(str(self.path))


def refuse_all_missing(paths: Sequence[Path]) -> None:
    """Refuse paths of which none exists; one that is missing among others gets a row.

    Raises:
        UsageError: none of the paths exists, or there are none.
    """
    # Not `exists`, which is false for a link to nowhere.
    if not any(os.path.lexists(path) for path in paths):
        raise UsageError(f"{MISSING}: {paths[0]}." if paths else "No images are given.")


def expand_given(paths: Iterable[Path]) -> list[GivenFile]:
    """Return files as they are, and folders as the files in them, each at least once.

    A file of a folder that is no image has the reason; so do a path that doesn't exist, a folder
    without files, and one that can't be read.
    """
    return [file for path in paths for file in _expand(path)]


def _expand(path: Path) -> list[GivenFile]:
    try:
        if path.is_dir():
            return _files_of(path)
        # Not `exists`, which is false for a link to nowhere.
        path.lstat()
    except FileNotFoundError:
        return [GivenFile(path, MISSING)]
    except (OSError, ValueError) as error:
        return [GivenFile(path, error_reason(error))]
    return [GivenFile(path)]


def _files_of(folder: Path) -> list[GivenFile]:
    try:
        listing = list_files(folder)
    except DataFolderError as error:
        return [GivenFile(folder, f"{error}".rstrip("."))]
    reasons = dict(zip(listing.passed_over, listing.reasons, strict=True))
    names = sorted([*listing.paths, *reasons])
    if not names:
        return [GivenFile(folder, EMPTY_FOLDER)]
    return [GivenFile(folder / name, reasons.get(name)) for name in names]
