"""Reads image files: what Pillow says of each image, or the reason it can't be read.

Imports only Pillow and NumPy, so that a worker process starts fast.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import os
import stat
import warnings
from typing import TYPE_CHECKING, Any

from PIL import Image, UnidentifiedImageError

from tasks.inventory.deep_values import hashed_form
from tasks.inventory.features import FeatureBatch
from tasks.inventory.file_contents import read_contents
from tasks.inventory.image_formats import NOT_AN_IMAGE, suffix_of
from tasks.inventory.opened_image import too_many_pixels

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tasks.inventory.file_contents import FileContents

    # Called with the index of the file, what it holds, and the SHA-256 of the file.
    OnImage = Callable[[int, FileContents, str], None]

# A file is read as a whole; without a limit one huge file could exhaust the memory of a worker.
MAX_FILE_BYTES = 512 * 2**20
NOT_A_REGULAR_FILE = "not a regular file (a pipe, socket or device); not opened"


def read_images(
    root: str, paths: Sequence[str], max_pixels: int, on_image: OnImage | None = None
) -> list[dict[str, Any]]:
    """Read, hash, fully decode and measure files.

    Args:
        root: folder the paths are relative to.
        paths: relative POSIX paths.
        max_pixels: an image that declares more is not expanded.
        on_image: called for each file that decodes, with its index in `paths`, its contents, and
            the SHA-256 of the file.

    Returns:
        One row per file with those of `columns.IMAGE_COLUMNS` that are known; `error` is None only
        for an image that decodes. Whatever a file holds, nothing is raised.
    """
    features = FeatureBatch()
    rows = []
    # Pillow warns of odd metadata and the like, which neither the user nor the gate can act on.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for index, path in enumerate(paths):
            # Filled step by step, so that a file that fails late keeps its size, time and hash.
            row: dict[str, Any] = {"error": None}
            callback = functools.partial(on_image, index) if on_image else None
            try:
                _read_image(f"{root}{os.sep}{path}", max_pixels, row, features, callback)
            except (Exception, RecursionError) as error:  # noqa: BLE001 - decoders raise anything on damaged bytes
                row["error"] = error_reason(error)
            rows.append(row)
    features.measure()
    return rows


def _read_image(
    file: str,
    max_pixels: int,
    row: dict[str, Any],
    features: FeatureBatch,
    on_image: Callable[[FileContents, str], None] | None,
) -> None:
    data = read_regular_file(file, row)
    row["sha256"] = hashlib.sha256(data).hexdigest()
    contents = read_contents(data, max_pixels=max_pixels)
    if on_image:
        on_image(contents, row["sha256"])
    row.update(contents.facts)
    row["damage"] = contents.damage
    row["format_matches_extension"] = _format_matches(suffix_of(file), row["format"])
    row["pixel_hash"] = _pixel_hash(contents)
    features.add(contents, row)


def _pixel_hash(contents: FileContents) -> str:
    """Hash an image by its pixels: the same for files that differ only in format or compression."""
    height, width, _ = contents.shape
    hashed = hashlib.blake2b(f"{contents.mode} {height} {width} ".encode(), digest_size=16)
    hashed.update(contents.pixels if contents.values is None else hashed_form(contents.values))
    return hashed.hexdigest()


@functools.cache
def _format_matches(suffix: str, actual: str) -> bool:
    """Return whether a file name's suffix stands for the format its bytes have.

    A name without a suffix promises nothing.
    """
    expected = Image.registered_extensions().get(suffix)
    return not suffix or _family(expected) == _family(actual)


def _family(name: str | None) -> str | None:
    # Files of these variants carry the suffix of the plain format.
    return {"MPO": "JPEG", "DIB": "BMP"}.get(name or "", name)


def read_regular_file(file: str, row: dict[str, Any]) -> bytes:
    """Read a file without ever blocking on a pipe; write its size and time into `row`.

    Raises:
        OSError: the file can't be opened or read.
        ValueError: it is not a regular file, or it is too large.
    """
    try:
        # Without O_NONBLOCK, opening a pipe would wait for a writer for ever.
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise ValueError(NOT_A_REGULAR_FILE) from None
        raise
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(NOT_A_REGULAR_FILE)
        row["bytes"] = status.st_size
        row["mtime_ns"] = status.st_mtime_ns
        if status.st_size > MAX_FILE_BYTES:
            raise ValueError(f"larger than {MAX_FILE_BYTES // 2**20} MiB; not read")
        # One call reads nearly every file; only some file systems return less than asked for.
        data = os.read(handle, status.st_size)
        while len(data) < status.st_size and (more := os.read(handle, status.st_size - len(data))):
            data += more
        return data
    finally:
        os.close(handle)


def error_reason(error: Exception) -> str:
    """Return in a few words why a file could not be read."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    if isinstance(error, UnidentifiedImageError):
        return NOT_AN_IMAGE
    if isinstance(error, Image.DecompressionBombError):
        # Pillow's sentence names a limit of its own, which is twice ours.
        return too_many_pixels(
            str(error).partition("(")[2].partition(" ")[0], Image.MAX_IMAGE_PIXELS
        )
    return f"{error}" if isinstance(error, (OSError, ValueError)) else f"{error!r}"
