"""Lists the image files below a folder, with their present sizes and times of change."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import DataFolderError
from tasks.inventory.image_file import IMAGE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable

MANIFEST_SUFFIXES = (".csv", ".parquet")
# For a missing file or a dead link; no file that was read has this size and time.
UNKNOWN_STATUS = (-1, -1)


@dataclass
class Listing:
    """The files of a folder, in flat lists of plain values: a million small objects cost seconds.

    Attributes:
        paths: relative POSIX paths of the image files, sorted.
        sizes: of each file, bytes.
        times: of each file's last change, nanoseconds since 1970.
        hidden: number of hidden files, which are skipped.
        other: number of files without the suffix of an image, which are skipped.
    """

    paths: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    hidden: int = 0
    other: int = 0

    @property
    def names(self) -> list[str]:
        """The paths in printable form; one that differs from its path is not valid UTF-8."""
        return [path if path.isascii() else _printable(path) for path in self.paths]

    def add(self, path: str, status: tuple[int, int]) -> None:
        """Add a file."""
        self.paths.append(path)
        self.sizes.append(status[0])
        self.times.append(status[1])

    def sort(self) -> None:
        """Sort the files by path."""
        order = sorted(range(len(self.paths)), key=self.paths.__getitem__)
        for name in ("paths", "sizes", "times"):
            values = getattr(self, name)
            setattr(self, name, [values[index] for index in order])


def list_files(root: Path) -> Listing:
    """Walk a folder, following links to folders but never in a loop.

    Raises:
        DataFolderError: the folder, or one below it, is missing or can't be read.
    """
    listing = Listing()
    pending, seen = [root], set()
    while pending:
        folder = pending.pop()
        # A link may lead back to a parent: device and inode say whether a folder was visited.
        identity = _identity_of(folder)
        if identity not in seen:
            seen.add(identity)
            pending.extend(_list_folder(folder, root, listing))
    listing.sort()
    return listing


def list_named(root: Path, paths: Iterable[str]) -> Listing:
    """Return the files that a manifest names, in the order of the manifest."""
    listing = Listing()
    for path in paths:
        listing.add(path, _status(f"{root}{os.sep}{path}"))
    return listing


def _printable(path: str) -> str:
    """Escape the bytes of a name that are not UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _identity_of(folder: Path) -> tuple[int, int]:
    try:
        status = folder.stat()
    except OSError as error:
        raise DataFolderError(f"Can't read the folder {folder}: {error.strerror}.") from None
    return status.st_dev, status.st_ino


def _list_folder(folder: Path, root: Path, listing: Listing) -> list[Path]:
    """Add the files of one folder to the listing and return its sub-folders."""
    try:
        entries = list(os.scandir(folder))
    except NotADirectoryError:
        raise DataFolderError(
            f"{folder} is a file. Give a folder of images, or a manifest"
            f" ({', '.join(MANIFEST_SUFFIXES)})."
        ) from None
    except OSError as error:
        raise DataFolderError(f"Can't read the folder {folder}: {error.strerror}.") from None
    folders = []
    prefix = len(str(root).rstrip(os.sep)) + 1
    for entry in entries:
        if entry.name.startswith("."):
            listing.hidden += 1
        elif _is_folder(entry):
            folders.append(Path(entry.path))
        elif os.path.splitext(entry.name)[1].lower() in IMAGE_SUFFIXES:  # noqa: PTH122 - a Path per file is too slow
            listing.add(entry.path[prefix:], _status(entry))
        else:
            listing.other += 1
    return folders


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link that leads to itself. It counts as a file, and reading it gives the reason.
        return False


def _status(file: os.DirEntry[str] | str) -> tuple[int, int]:
    """Return size and time of change."""
    try:
        status = os.stat(file) if isinstance(file, str) else file.stat()  # noqa: PTH116 - a Path for each of a million files is too slow
    except (OSError, ValueError):
        return UNKNOWN_STATUS
    return status.st_size, status.st_mtime_ns
