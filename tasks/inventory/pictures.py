"""The bytes of one file go in; what Pillow says of the picture, or the reason it can't, comes out.

Imports only Pillow, NumPy and imagehash, so that a worker process starts fast.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import re
import stat
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tasks.inventory.looks import LookBatch

if TYPE_CHECKING:
    from collections.abc import Sequence

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
EXIF_ORIENTATION = 0x0112


def read_pictures(root: str, paths: Sequence[str], *, max_pixels: int) -> list[dict[str, Any]]:
    """Read, hash, fully decode and measure files.

    Args:
        root: folder the paths are relative to.
        paths: relative POSIX paths.
        max_pixels: a picture that declares more is not expanded.

    Returns:
        A row a file with the columns of `columns.PICTURE_COLUMNS`, as far as they are known;
        `error` is None only for a picture that decodes. Nothing a file holds raises.
    """
    looks = LookBatch()
    rows = []
    # What Pillow warns of, such as odd metadata, is no reason to stop or to speak.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in paths:
            row: dict[str, Any] = {"error": None}
            try:
                _read_picture(root, path, max_pixels, row, looks)
            except Exception as error:  # noqa: BLE001 - decoders raise anything on damaged bytes
                row["error"] = reason_of(error)
            rows.append(row)
    looks.measure()
    return rows


def _read_picture(
    root: str, path: str, max_pixels: int, row: dict[str, Any], looks: LookBatch
) -> None:
    data = _read_regular_file(f"{root}{os.sep}{path}", row)
    row["sha256"] = hashlib.sha256(data).hexdigest()
    with open_picture(data, max_pixels=max_pixels) as picture:
        facts = describe_picture(picture)
        gray = as_gray(picture)
    facts["honest_suffix"] = _is_honest(path, facts["format"])
    row.update(facts)
    looks.add(gray, row)


def describe_picture(picture: Image.Image) -> dict[str, Any]:
    """Decode an opened picture and say what it is.

    Returns:
        format, mode, height, width (pixels), channels, aspect (width / height), frames (of an
        animation or a document; 1 for a plain picture), orientation (of EXIF, 1 to 8, 1 upright)
        and bit_depth (a channel, as stored).

    Raises:
        Exception: whatever Pillow raises on bytes it can't decode.
    """
    facts = {
        "format": picture.format,
        "mode": picture.mode,
        "height": picture.height,
        "width": picture.width,
        "channels": len(picture.getbands()),
        "aspect": picture.width / picture.height,
        # A phone's MPO holds one picture and views of it for other screens.
        "frames": 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1),
        "orientation": picture.getexif().get(EXIF_ORIENTATION, 1),
        "bit_depth": _bit_depth(picture),
    }
    picture.load()
    return facts


def as_gray(picture: Image.Image) -> Image.Image:
    """Return a picture in 8-bit gray; of 16 bits the upper 8 count."""
    if picture.mode.startswith("I"):
        values = np.asarray(picture).clip(0, 2**16 - 1).astype(np.uint16)
        return Image.fromarray((values >> 8).astype(np.uint8))
    if picture.mode == "F":
        return Image.fromarray(np.asarray(picture).clip(0, 255).astype(np.uint8))
    return picture.convert("L")


def _bit_depth(picture: Image.Image) -> int:
    """Bits a channel, as stored; Pillow tells it only in the name of its raw decoder."""
    stored = re.search(r";(\d+)", str(getattr(picture, "tile", "")))
    if stored:
        return int(stored[1])
    return {"1": 1, "I": 32, "F": 32}.get(picture.mode, 16 if picture.mode[0] == "I" else 8)


def _is_honest(path: str, found: str) -> bool:
    """Tell whether the suffix names the format found; MPO is JPEG with more pictures behind."""
    promised = _extensions().get(os.path.splitext(path)[1].lower())  # noqa: PTH122 - as above
    return _family(promised) == _family(found)


@functools.cache
def _extensions() -> dict[str, str]:
    return Image.registered_extensions()


def _family(name: str | None) -> str | None:
    return {"MPO": "JPEG", "DIB": "BMP"}.get(name or "", name)


def open_picture(data: bytes, *, max_pixels: int) -> Image.Image:
    """Open a picture from bytes without expanding it yet.

    Raises:
        ValueError: there are no bytes, or more than `max_pixels` pixels are declared.
        PIL.UnidentifiedImageError: the bytes are of no picture format.
    """
    if not data:
        raise ValueError("the file is empty (0 bytes)")
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


def _read_regular_file(file: str, row: dict[str, Any]) -> bytes:
    """Read a file without ever blocking on a pipe; note its size and time in `row`."""
    status = os.stat(file)  # noqa: PTH116 - a Path for each of a million files is too slow
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("not a regular file (a pipe, socket or device); not opened")
    row["bytes"] = status.st_size
    row["mtime_ns"] = status.st_mtime_ns
    if status.st_size > MAX_FILE_BYTES:
        raise ValueError(f"larger than {MAX_FILE_BYTES // 2**20} MiB; not read")
    with open(file, "rb", buffering=0) as handle:  # noqa: PTH123 - as above
        return handle.read()


def reason_of(error: Exception) -> str:
    """Return why a file could not be read, in a few words."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    if type(error).__name__ == "UnidentifiedImageError":
        return "not a picture in any known format"
    return f"{error}" if isinstance(error, (OSError, ValueError)) else f"{error!r}"
