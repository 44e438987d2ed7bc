"""Reads image files: what Pillow says of each image, or the reason it can't be read.

Imports only Pillow and NumPy, so that a worker process starts fast.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import io
import os
import stat
import warnings
from typing import TYPE_CHECKING, Any

from PIL import Image, UnidentifiedImageError

from tasks.inventory.damage import find_damage, find_gray_tail
from tasks.inventory.deep_values import (
    bit_depth_of,
    deep_values,
    describe_values,
    hashed_form,
    no_data_of,
)
from tasks.inventory.displayed import as_displayed
from tasks.inventory.features import FeatureBatch
from tasks.inventory.image_formats import (
    HEADER_BYTES,
    IMAGE_FORMATS,
    NOT_AN_IMAGE,
    PLUGIN_OF,
    signature_of,
    suffix_of,
)
from tasks.inventory.jpeg_xl import declared_size
from tasks.inventory.orientation import ON_ITS_SIDE, orientation_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    # Called with the index of the file, the decoded image, its values if it has more than 8 bits,
    # and the SHA-256 of the file.
    OnImage = Callable[[int, Image.Image, np.ndarray | None, str], None]

# A file is read as a whole; without a limit one huge file could exhaust the memory of a worker.
MAX_FILE_BYTES = 512 * 2**20
UNREAD_TIFF = (
    "a TIFF that is damaged, or of a kind that isn't read, such as floats of 64 bits or in colours;"
    " save it again with integers of 16 bits, or gray floats of 32"
)
NOT_A_REGULAR_FILE = "not a regular file (a pipe, socket or device); not opened"


def read_images(
    root: str, paths: Sequence[str], max_pixels: int, on_image: OnImage | None = None
) -> list[dict[str, Any]]:
    """Read, hash, fully decode and measure files.

    Args:
        root: folder the paths are relative to.
        paths: relative POSIX paths.
        max_pixels: an image that declares more is not expanded.
        on_image: called for each file that decodes, with its index in `paths`, the image, its
            values as `deep_values` returns them, and the SHA-256 of the file.

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
    on_image: Callable[[Image.Image, np.ndarray | None, str], None] | None,
) -> None:
    data = read_regular_file(file, row)
    row["sha256"] = hashlib.sha256(data).hexdigest()
    with open_image(data, max_pixels=max_pixels) as image:
        facts, values = describe_file(image, data)
        displayed = as_displayed(image, values)
        pixels = displayed.tobytes()
        if on_image:
            on_image(image, values, row["sha256"])
    facts["damage"] = find_damage(data, facts["format"]) or find_gray_tail(pixels, displayed.height)
    facts["format_matches_extension"] = _format_matches(suffix_of(file), facts["format"])
    facts["pixel_hash"] = _pixel_hash(displayed, pixels if values is None else hashed_form(values))
    row.update(facts)
    features.add(displayed, pixels, row)


def _pixel_hash(image: Image.Image, pixels: bytes) -> str:
    """Hash an image by its pixels: the same for files that differ only in format or compression."""
    shape = f"{image.mode} {image.height} {image.width} ".encode()
    return hashlib.blake2b(shape + pixels, digest_size=16).hexdigest()


def describe_file(image: Image.Image, data: bytes) -> tuple[dict[str, Any], np.ndarray | None]:
    """Decode and describe an opened image, and read its values if they have more than 8 bits.

    Returns:
        The facts of `describe_image` and of `deep_values.describe_values`, and the values, or None
        for an image of 8 bits.
    """
    facts = describe_image(image)
    values = deep_values(image, facts["bit_depth"], data)
    if values is not None:
        facts |= describe_values(values, no_data_of(image))
    return facts, values


def describe_image(image: Image.Image) -> dict[str, Any]:
    """Decode an opened image and describe it.

    Returns:
        format, mode, height, width (pixels), channels, aspect (width / height), frames (of an
        animation or a document; 1 for a plain image), orientation (of EXIF, 1 to 8; 1 is upright)
        and bit_depth (per channel, as stored). Height, width and aspect are those of the image as
        it is displayed, turned by its orientation.

    Raises:
        Exception: whatever Pillow raises on bytes it can't decode.
    """
    facts = {
        "format": image.format,
        "mode": image.mode,
        "channels": len(image.getbands()),
        # A phone's MPO holds one photograph and previews of it, not an animation.
        "frames": 1 if image.format == "MPO" else getattr(image, "n_frames", 1),
        "bit_depth": bit_depth_of(image),
    }
    image.load()
    # Only now: some formats store their metadata after the pixels.
    orientation = orientation_of(image)
    on_its_side = orientation in ON_ITS_SIDE
    width, height = image.size[::-1] if on_its_side else image.size
    shape = {"height": height, "width": width, "aspect": width / height}
    return facts | shape | {"orientation": orientation}


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


def open_image(data: bytes, *, max_pixels: int) -> Image.Image:
    """Open an image from bytes without expanding it yet.

    `max_pixels` is the only limit, also for frames and tiles that are found while it is expanded.

    Raises:
        ValueError: there are no bytes, more than `max_pixels` pixels are declared, the format needs
            a package that is not installed, or it is a TIFF of a kind that isn't read.
        PIL.UnidentifiedImageError: the bytes are in no known image format.
    """
    if not data:
        raise ValueError("the file is empty (0 bytes)")
    signature = signature_of(data[:HEADER_BYTES])
    if signature in PLUGIN_OF and not PLUGIN_OF[signature].is_installed:
        raise ValueError(PLUGIN_OF[signature].remedy)
    if signature == "JXL":
        # The one plug-in that expands an image as soon as it is opened.
        _check_pixels(*declared_size(data), max_pixels)
    # `open` reads only the header, so that a bomb is recognized before it takes any memory.
    try:
        image = _open_without_pillows_limit(data, max_pixels, _formats_for(signature))
    except UnidentifiedImageError:
        if signature == "TIFF":
            raise ValueError(UNREAD_TIFF) from None
        raise
    _check_pixels(image.width, image.height, max_pixels)
    return image


def _check_pixels(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise ValueError(_too_many_pixels(f"{width} x {height}", max_pixels))


def _open_without_pillows_limit(
    data: bytes, max_pixels: int, formats: tuple[str, ...]
) -> Image.Image:
    # Pillow's limit is a variable of its module. It is set at every opening, as each worker process
    # has one of its own, which other code may set too. WebP is the one format that takes memory for
    # the image when it is opened, so Pillow has to compare its size before.
    Image.MAX_IMAGE_PIXELS = max_pixels if data[8:12] == b"WEBP" else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(data), formats=formats)
    finally:
        Image.MAX_IMAGE_PIXELS = max_pixels


def _too_many_pixels(declared: str, max_pixels: int | None) -> str:
    return (
        f"declares {declared} pixels, more than data.max_pixels = {max_pixels} (a decompression"
        " bomb?); not expanded"
    )


@functools.cache
def _formats_for(signature: str | None) -> tuple[str, ...]:
    """Return those of our formats that can be opened here, for a file that begins like this."""
    if signature in PLUGIN_OF:
        PLUGIN_OF[signature].register()
    Image.init()
    return tuple(name for name in IMAGE_FORMATS if name in Image.OPEN)


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
        return _too_many_pixels(
            str(error).partition("(")[2].partition(" ")[0], Image.MAX_IMAGE_PIXELS
        )
    return f"{error}" if isinstance(error, (OSError, ValueError)) else f"{error!r}"
