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
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
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
EXIF_ORIENTATION = 0x0112


def read_picture(root: str, path: str, *, max_pixels: int) -> dict[str, Any]:
    """Read, hash and fully decode one file.

    Args:
        root: folder the path is relative to.
        path: relative POSIX path.
        max_pixels: a picture that declares more is not expanded.

    Returns:
        The columns of `columns.PICTURE_COLUMNS`, as far as they are known; `error` is None only for
        a picture that decodes. Nothing a file holds raises.
    """
    row: dict[str, Any] = {"error": None}
    try:
        data = _read_regular_file(Path(root, path), row)
        row["sha256"] = hashlib.sha256(data).hexdigest()
        with warnings.catch_warnings():
            # What Pillow warns of, such as odd metadata, is no reason to stop or to speak.
            warnings.simplefilter("ignore")
            seen = describe_picture(data, max_pixels=max_pixels)
        row.update(seen)
        row["honest_suffix"] = _is_honest(path, seen["format"])
    except Exception as error:  # noqa: BLE001 - decoders raise anything on damaged bytes
        row["error"] = reason_of(error)
    return row


def describe_picture(data: bytes, *, max_pixels: int) -> dict[str, Any]:
    """Decode a picture and say what it is and how it looks.

    Returns:
        format, mode, height, width (pixels), channels, frames (of an animation or a document; 1 for
        a plain picture), orientation (of EXIF, 1 to 8, 1 upright), bit_depth (a channel), and what
        `describe_look` tells.

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
            "aspect": picture.width / picture.height,
            # A phone's MPO holds one picture and views of it for other screens.
            "frames": 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1),
            "orientation": picture.getexif().get(EXIF_ORIENTATION, 1),
            "bit_depth": _bit_depth(picture),
        }
        picture.load()
        row.update(describe_look(picture))
    return row


def describe_look(picture: Image.Image) -> dict[str, Any]:
    """Measure a decoded picture in gray, whatever its mode.

    Returns:
        brightness: mean, 0 to 255. contrast: standard deviation, 0 to 127.5. sharpness: variance of
        the Laplacian. entropy: of the histogram, bits, 0 to 8. perceptual_hash: the difference hash
        of imagehash, 16 hexadecimal digits.
    """
    gray = as_gray(picture)
    pixels = np.asarray(gray, dtype=np.float32)
    return {
        "brightness": float(pixels.mean()),
        "contrast": float(pixels.std()),
        "sharpness": _laplacian_variance(pixels),
        "entropy": gray.entropy(),
        "perceptual_hash": str(imagehash.dhash(gray)),
    }


def as_gray(picture: Image.Image) -> Image.Image:
    """Return a picture in 8-bit gray; of 16 bits the upper 8 count."""
    if picture.mode.startswith("I"):
        values = np.asarray(picture).clip(0, 2**16 - 1).astype(np.uint16)
        return Image.fromarray((values >> 8).astype(np.uint8))
    if picture.mode == "F":
        return Image.fromarray(np.asarray(picture).clip(0, 255).astype(np.uint8))
    return picture.convert("L")


def _laplacian_variance(pixels: np.ndarray) -> float:
    """The variance over the inner pixels of the 4-neighbour Laplacian; 0 where there are none."""
    if min(pixels.shape) < 3:  # noqa: PLR2004 - a pixel and its two neighbours
        return 0.0
    edges = pixels[1:-1, :-2] + pixels[1:-1, 2:] + pixels[:-2, 1:-1] + pixels[2:, 1:-1]
    edges -= 4 * pixels[1:-1, 1:-1]
    return float(edges.var())


def _bit_depth(picture: Image.Image) -> int:
    """Bits a channel, as stored; Pillow tells it only in the name of its raw decoder."""
    stored = re.search(r";(\d+)", str(getattr(picture, "tile", "")))
    if stored:
        return int(stored[1])
    return {"1": 1, "I": 32, "F": 32}.get(picture.mode, 16 if picture.mode[0] == "I" else 8)


def _is_honest(path: str, found: str) -> bool:
    """Tell whether the suffix names the format found; MPO is JPEG with more pictures behind."""
    promised = Image.registered_extensions().get(Path(path).suffix.lower())
    return _family(promised) == _family(found)


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
