"""The bytes of one file go in; what Pillow says of the picture, or the reason it can't, comes out.

Imports only Pillow, so that a worker process starts fast.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import stat
import warnings
from pathlib import Path
from typing import Any

from PIL import Image

# Formats a data set is made of. Pillow knows more, but some of those run other programs (EPS) or
# describe documents rather than pictures.
PICTURE_FORMATS = (
    "PNG", "JPEG", "MPO", "BMP", "DIB", "GIF", "TIFF", "WEBP", "PPM", "TGA", "ICO", "JPEG2000",
    "AVIF",
)  # fmt: skip
PICTURE_SUFFIXES = frozenset(
    (
        ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".bmp", ".dib", ".gif", ".tif",
        ".tiff", ".webp", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".ico", ".jp2", ".j2k", ".jpx",
        ".avif",
    )
)  # fmt: skip
MAX_FILE_BYTES = 512 * 2**20


def read_picture(root: str, path: str, *, max_pixels: int) -> dict[str, Any]:
    """Read, hash and fully decode one file.

    Args:
        root: folder the path is relative to.
        path: relative POSIX path.
        max_pixels: a picture that declares more is not expanded.

    Returns:
        The columns format, mode, height, width, channels, bytes, mtime_ns, sha256 and error, as far
        as they are known; `error` is None only for a picture that decodes. Nothing a file holds
        raises.
    """
    row: dict[str, Any] = {"error": None}
    try:
        data = _read_regular_file(Path(root, path), row)
        row["sha256"] = hashlib.sha256(data).hexdigest()
        row.update(describe_picture(data, max_pixels=max_pixels))
    except Exception as error:  # noqa: BLE001 - decoders raise anything on damaged bytes
        row["error"] = reason_of(error)
    return row


def describe_picture(data: bytes, *, max_pixels: int) -> dict[str, Any]:
    """Decode a picture and return its format, mode, height, width and channels.

    Raises:
        ValueError: the file is empty, or the picture declares more than `max_pixels`.
        Exception: whatever Pillow raises on bytes it can't decode.
    """
    with open_picture(data, max_pixels=max_pixels) as picture:
        row = {
            "format": picture.format,
            "mode": picture.mode,
            "height": picture.height,
            "width": picture.width,
            "channels": len(picture.getbands()),
        }
        picture.load()
    return row


def open_picture(data: bytes, *, max_pixels: int) -> Image.Image:
    """Open a picture from bytes without expanding it yet.

    Raises:
        ValueError: there are no bytes, or more than `max_pixels` pixels are declared.
        PIL.UnidentifiedImageError: the bytes are of no picture format.
    """
    if not data:
        raise ValueError("the file is empty (0 bytes)")
    with warnings.catch_warnings():
        # Pillow's own bomb limit is replaced by ours; other warnings concern metadata.
        warnings.simplefilter("ignore")
        picture = Image.open(io.BytesIO(data), formats=_formats())
    if picture.width * picture.height > max_pixels:
        raise ValueError(
            f"declares {picture.width} x {picture.height} pixels, more than data.max_pixels ="
            f" {max_pixels} (a decompression bomb?); not expanded"
        )
    return picture


@functools.cache
def _formats() -> tuple[str, ...]:
    """Those of our formats that this build of Pillow can open; MPO is opened as JPEG."""
    Image.init()
    return tuple(name for name in PICTURE_FORMATS if name in Image.OPEN)


def _read_regular_file(file: Path, row: dict[str, Any]) -> bytes:
    """Read a file without ever blocking on a pipe; note its size and time in `row`."""
    status = file.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("not a regular file (a pipe, socket or device); not opened")
    row["bytes"] = status.st_size
    row["mtime_ns"] = status.st_mtime_ns
    if status.st_size > MAX_FILE_BYTES:
        raise ValueError(f"larger than {MAX_FILE_BYTES // 2**20} MiB; not read")
    return file.read_bytes()


def reason_of(error: Exception) -> str:
    """Return why a file could not be read, in a few words."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    if type(error).__name__ == "UnidentifiedImageError":
        return "not a picture in any known format"
    return f"{error}" if isinstance(error, (OSError, ValueError)) else f"{error!r}"
