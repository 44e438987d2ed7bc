"""Lists the files below a folder: images with their sizes and times of change, and all others."""

from __future__ import annotations

import contextlib
import fnmatch
import heapq
import itertools
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.config.data import refused_file
from tasks.errors import DataFolderError
from tasks.inventory.image_formats import (
    DEAD_LINK,
    HOLD_IMAGES,
    IMAGE_SUFFIXES,
    NOT_AN_IMAGE,
    OTHER_SUFFIXES,
    PLUGIN_OF_SUFFIX,
    SYSTEM_FILES,
    SYSTEM_FOLDERS,
    holds_image,
    suffix_of,
    why_no_image,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# For a missing file or a dead link; no file that was read has this size and time.
UNKNOWN_STATUS = (-1, -1)
# Of the files of a folder without images, to find images among them.
LOOKED_AT = 8


@dataclass
class Listing:
    """The files of a folder, in flat lists of plain values: a million small objects cost seconds.

    Attributes:
        paths: relative POSIX paths of the image files, sorted.
        sizes: of each file, bytes.
        times: of each file's last change, nanoseconds since 1970.
        passed_over: relative POSIX paths of the other files, sorted.
        reasons: why each of those is no image that can be read.
        folders: relative POSIX paths of the folders that were visited; "" is the root.
        hidden: number of files that are hidden, or that an operating system has left.
        system_folders: names of folders that no data is expected in, and which were not visited.
        repeated: relative POSIX paths of links to folders that are read under another path.
    """

    paths: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    hidden: int = 0
    system_folders: set[str] = field(default_factory=set)
    repeated: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The paths in printable form; one that differs from its path is not valid UTF-8."""
        return [path if path.isascii() else printable(path) for path in self.paths]

    @property
    def other(self) -> int:
        """Number of files that are passed over."""
        return len(self.passed_over)

    def add(self, path: str, status: tuple[int, int]) -> None:
        """Add a file."""
        self.paths.append(path)
        self.sizes.append(status[0])
        self.times.append(status[1])

    def pass_over(self, path: str, reason: str) -> None:
        """Add a file that is no image."""
        self.passed_over.append(path)
        self.reasons.append(reason)

    def sort(self) -> None:
        """Sort the files by path."""
        for names in (("paths", "sizes", "times"), ("passed_over", "reasons"), ("folders",)):
            keys = getattr(self, names[0])
            self._pick(names, sorted(range(len(keys)), key=keys.__getitem__))

    def keep(self, is_kept: Sequence[bool]) -> None:
        """Drop the images for which this is false."""
        kept = [index for index, keep in enumerate(is_kept) if keep]
        self._pick(("paths", "sizes", "times"), kept)

    def _pick(self, names: Sequence[str], order: Sequence[int]) -> None:
        for name in names:
            values = getattr(self, name)
            setattr(self, name, [values[index] for index in order])


def list_files(root: Path, leave_out: Sequence[str] = ()) -> Listing:
    """Walk a folder, following links to folders but never in a loop.

    Only files whose name doesn't say what they are, such as those without an extension, are opened,
    and a few others in folders without images.

    Args:
        root: the folder.
        leave_out: patterns of the names or relative paths of files and folders to leave out.

    Raises:
        DataFolderError: the folder, or one below it, is missing or can't be read.
    """
    listing = Listing()
    prefix = len(str(root).rstrip(os.sep)) + 1
    pending, seen = [root], set()
    links: list[Path] = []
    while pending or links:
        # Links last and in order, so that what is read twice is read by its own path.
        folder = pending.pop() if pending else heapq.heappop(links)
        # A link may lead back to a parent: device and inode say whether a folder was visited.
        identity = _identity_of(folder)
        if identity in seen:
            listing.repeated.append(_relative(str(folder), prefix))
            continue
        seen.add(identity)
        for found in _list_folder(folder, root, listing, leave_out):
            if found.is_symlink():
                heapq.heappush(links, Path(found.path))
            else:
                pending.append(Path(found.path))
    listing.sort()
    return listing


def holds_many(root: Path, many: int) -> bool:
    """Return whether a folder holds as many files, of whatever kind; no more of them are listed."""
    pending, count = [str(root)], 0
    while pending and count < many:
        # What can't be read is said where the folder is listed.
        with contextlib.suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in itertools.islice(entries, many - count):
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                else:
                    count += 1
    return count >= many


def list_named(root: Path, paths: Iterable[str]) -> Listing:
    """Return the files that a manifest names, in the order of the manifest."""
    listing = Listing()
    for path in paths:
        listing.add(path, _status(f"{root}{os.sep}{path}"))
    return listing


def printable(path: str) -> str:
    """Return a name with its bytes that are not UTF-8 escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _identity_of(folder: Path) -> tuple[int, int]:
    try:
        status = folder.stat()
    except OSError as error:
        raise DataFolderError(f"Can't read the folder {folder}: {error.strerror}.") from None
    return status.st_dev, status.st_ino


def _list_folder(
    folder: Path, root: Path, listing: Listing, leave_out: Sequence[str]
) -> list[os.DirEntry[str]]:
    """Add the files of one folder to the listing and return its sub-folders."""
    try:
        entries = list(os.scandir(folder))
    except NotADirectoryError:
        raise refused_file(folder) from None
    except OSError as error:
        raise DataFolderError(f"Can't read the folder {folder}: {error.strerror}.") from None
    folders: list[os.DirEntry[str]] = []
    prefix = len(str(root).rstrip(os.sep)) + 1
    images, others = len(listing.paths), len(listing.passed_over)
    listing.folders.append(_relative(str(folder), prefix))
    for entry in entries:
        name = entry.name
        if name.startswith("."):
            listing.hidden += 1
        elif leave_out and _matches(entry.path[prefix:], name, leave_out):
            continue
        elif _is_folder(entry):
            if name.lower() in SYSTEM_FOLDERS:
                listing.system_folders.add(name)
            else:
                folders.append(entry)
        elif (suffix := suffix_of(name)) in IMAGE_SUFFIXES:
            listing.add(entry.path[prefix:], _status(entry))
        else:
            _list_other(entry, entry.path[prefix:], suffix, listing)
    if len(listing.paths) == images:
        _look_inside(root, listing, others)
    return folders


def _look_inside(root: Path, listing: Listing, first: int) -> None:
    """Add images whose names say that they are none, in a folder that has no others.

    Args:
        root: the data folder.
        listing: added to.
        first: where the files of the folder begin among those that were passed over.
    """
    found = list(zip(listing.passed_over[first:], listing.reasons[first:], strict=True))
    # All others were opened already.
    by_name = [path for path, _ in found if suffix_of(path) in OTHER_SUFFIXES]
    if not any(holds_image(f"{root}{os.sep}{path}") for path in by_name[:LOOKED_AT]):
        return
    images = {path for path in by_name if holds_image(f"{root}{os.sep}{path}")}
    del listing.passed_over[first:], listing.reasons[first:]
    for path, reason in found:
        if path in images:
            listing.add(path, _status(f"{root}{os.sep}{path}"))
        else:
            listing.pass_over(path, reason)


def _list_other(entry: os.DirEntry[str], path: str, suffix: str, listing: Listing) -> None:
    """Add a file whose suffix is not that of an image."""
    if suffix in OTHER_SUFFIXES and entry.name.lower() in SYSTEM_FILES:
        listing.hidden += 1
        return
    if not suffix and entry.is_symlink() and not os.path.exists(entry.path):  # noqa: PTH110 - as above
        # Probably a folder, whose files are missed: with the slash, the folder has such a file.
        listing.pass_over(f"{path}/", DEAD_LINK)
        return
    reason = _why_no_image(entry.path, suffix)
    if reason is None:
        listing.add(path, _status(entry))
    else:
        listing.pass_over(path, reason)


def _why_no_image(file: str, suffix: str) -> str | None:
    """Return why a file is no image; it is opened only where its name doesn't say."""
    if suffix in OTHER_SUFFIXES:
        return HOLD_IMAGES.get(suffix, NOT_AN_IMAGE)
    if suffix in PLUGIN_OF_SUFFIX and PLUGIN_OF_SUFFIX[suffix].is_installed:
        return None
    return why_no_image(file, suffix)


def _relative(folder: str, prefix: int) -> str:
    return folder[prefix:].replace(os.sep, "/")


def _matches(path: str, name: str, patterns: Sequence[str]) -> bool:
    return any(
        fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(path, pattern.rstrip("/"))
        for pattern in patterns
    )


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
