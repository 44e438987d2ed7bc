"""The bytes of one file go in; what Pillow says of the image, or the reason it can't, comes out.

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

import numpy as np
from PIL import Image

from tasks.inventory.features import FeatureBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Keep = Callable[[int, Image.Image, str], None]

# Formats a data set is made of. Pillow knows more, but some of those run other programs (EPS) or
# describe documents rather than images.
IMAGE_FORMATS = (
    "PNG", "JPEG", "MPO", "BMP", "DIB", "GIF", "TIFF", "WEBP", "PPM", "TGA", "ICO", "JPEG2000",
    "AVIF",
)  # fmt: skip
IMAGE_SUFFIXES = frozenset(
    (
        ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".bmp", ".dib", ".gif", ".tif",
        ".tiff", ".webp", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".ico", ".jp2", ".j2k", ".jpx",
        ".avif",
    )
)  # fmt: skip
MAX_FILE_BYTES = 512 * 2**20
NO_REGULAR_FILE = "not a regular file (a pipe, socket or device); not opened"
EXIF_ORIENTATION = 0x0112
METADATA = frozenset(
    ("exif", "Raw profile type exif", "Raw profile type APP1", "XML:com.adobe.xmp", "xmp")
)


def read_images(
    root: str, paths: Sequence[str], max_pixels: int, keep: Keep | None = None
) -> list[dict[str, Any]]:
    """Read, hash, fully decode and measure files.

    Args:
        root: folder the paths are relative to.
        paths: relative POSIX paths.
        max_pixels: an image that declares more is not expanded.
        keep: called with the place, the decoded image and the SHA-256 of each file that is one.

    Returns:
        A row a file with the columns of `columns.IMAGE_COLUMNS`, as far as they are known;
        `error` is None only for an image that decodes. Nothing a file holds raises.
    """
    looks = FeatureBatch()
    rows = []
    # What Pillow warns of, such as odd metadata, is no reason to stop or to speak.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for place, path in enumerate(paths):
            row: dict[str, Any] = {"error": None}
            kept = functools.partial(keep, place) if keep else None
            try:
                _read_image(f"{root}{os.sep}{path}", max_pixels, row, looks, kept)
            except (Exception, RecursionError) as error:  # noqa: BLE001 - decoders raise anything on damaged bytes
                row["error"] = error_reason(error)
            rows.append(row)
    looks.measure()
    return rows


def _read_image(
    file: str,
    max_pixels: int,
    row: dict[str, Any],
    looks: FeatureBatch,
    keep: Callable[[Image.Image, str], None] | None,
) -> None:
    data = read_regular_file(file, row)
    row["sha256"] = hashlib.sha256(data).hexdigest()
    with open_image(data, max_pixels=max_pixels) as image:
        facts = describe_image(image)
        seen = as_displayed(image)
        pixels = seen.tobytes()
        if keep:
            keep(image, row["sha256"])
    facts["format_matches_extension"] = _format_matches(file.rpartition(".")[2], facts["format"])
    facts["pixel_hash"] = _pixel_hash(seen, pixels)
    row.update(facts)
    looks.add(seen, pixels, row)


def _pixel_hash(image: Image.Image, pixels: bytes) -> str:
    """Name an image by its pixels: files that differ only in how they are packed are alike."""
    shape = f"{image.mode} {image.height} {image.width} ".encode()
    return hashlib.blake2b(shape + pixels, digest_size=16).hexdigest()


def describe_image(image: Image.Image) -> dict[str, Any]:
    """Decode an opened image and say what it is.

    Returns:
        format, mode, height, width (pixels), channels, aspect (width / height), frames (of an
        animation or a document; 1 for a plain image), orientation (of EXIF, 1 to 8, 1 upright)
        and bit_depth (a channel, as stored).

    Raises:
        Exception: whatever Pillow raises on bytes it can't decode.
    """
    facts = {
        "format": image.format,
        "mode": image.mode,
        "height": image.height,
        "width": image.width,
        "channels": len(image.getbands()),
        "aspect": image.width / image.height,
        # A phone's MPO holds one image and views of it for other screens.
        "frames": 1 if image.format == "MPO" else getattr(image, "n_frames", 1),
        "bit_depth": _bit_depth(image),
    }
    image.load()
    facts["orientation"] = orientation_of(image)
    return facts


def orientation_of(image: Image.Image) -> int:
    """Return EXIF's orientation; looked up only where some metadata could hold one."""
    if image.format == "TIFF" or METADATA.intersection(image.info):
        return int(image.getexif().get(EXIF_ORIENTATION, 1))
    return 1


def as_displayed(image: Image.Image) -> Image.Image:
    """Return an image as a person sees it: in mode L or RGB, what is transparent over white."""
    if image.mode in ("L", "RGB") and not image.has_transparency_data:
        return image
    if image.mode[0] in "IF":
        return as_gray(image)
    if image.has_transparency_data:
        return over_white(image)
    return image.convert("L" if image.mode == "1" else "RGB")


def over_white(image: Image.Image) -> Image.Image:
    """Return an image with transparency in mode RGB, laid over white."""
    transparent = image.convert("RGBA")
    white = Image.new("RGBA", transparent.size, "white")
    return Image.alpha_composite(white, transparent).convert("RGB")


def as_gray(image: Image.Image) -> Image.Image:
    """Return an image of mode I or F in 8-bit gray; of 16 bits the upper 8 count."""
    if image.mode.startswith("I"):
        values = np.asarray(image).clip(0, 2**16 - 1).astype(np.uint16)
        return Image.fromarray((values >> 8).astype(np.uint8))
    values = np.nan_to_num(np.asarray(image))
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def _bit_depth(image: Image.Image) -> int:
    """Bits a channel, as stored; Pillow tells it only in the name of its raw decoder."""
    for tile in getattr(image, "tile", ())[:1]:
        raw = tile[3] if isinstance(tile[3], str) else next(iter(tile[3] or ()), "")
        _, _, stored = str(raw).partition(";")
        if stored[:2].rstrip("BLNRSI").isdigit():
            return int(stored[:2].rstrip("BLNRSI"))
    return {"1": 1, "I": 32, "F": 32}.get(image.mode, 16 if image.mode[0] == "I" else 8)


@functools.cache
def _format_matches(suffix: str, found: str) -> bool:
    """Tell whether a suffix names the format found; MPO is JPEG with more images behind."""
    promised = Image.registered_extensions().get(f".{suffix.lower()}")
    return _family(promised) == _family(found)


def _family(name: str | None) -> str | None:
    return {"MPO": "JPEG", "DIB": "BMP"}.get(name or "", name)


def open_image(data: bytes, *, max_pixels: int) -> Image.Image:
    """Open an image from bytes without expanding it yet.

    Raises:
        ValueError: there are no bytes, or more than `max_pixels` pixels are declared.
        PIL.UnidentifiedImageError: the bytes are of no image format.
    """
    if not data:
        raise ValueError("the file is empty (0 bytes)")
    image = Image.open(io.BytesIO(data), formats=_formats())
    if image.width * image.height > max_pixels:
        raise ValueError(
            f"declares {image.width} x {image.height} pixels, more than data.max_pixels ="
            f" {max_pixels} (a decompression bomb?); not expanded"
        )
    return image


@functools.cache
def _formats() -> tuple[str, ...]:
    """Those of our formats that this build of Pillow can open; MPO is opened as JPEG."""
    Image.init()
    return tuple(name for name in IMAGE_FORMATS if name in Image.OPEN)


def read_regular_file(file: str, row: dict[str, Any]) -> bytes:
    """Read a file without ever blocking on a pipe; note its size and time in `row`."""
    try:
        # Opened without waiting, a pipe answers at once and is told by its status.
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise ValueError(NO_REGULAR_FILE) from None
        raise
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(NO_REGULAR_FILE)
        row["bytes"] = status.st_size
        row["mtime_ns"] = status.st_mtime_ns
        if status.st_size > MAX_FILE_BYTES:
            raise ValueError(f"larger than {MAX_FILE_BYTES // 2**20} MiB; not read")
        data = os.read(handle, status.st_size)
        while len(data) < status.st_size and (more := os.read(handle, status.st_size - len(data))):
            data += more
        return data
    finally:
        os.close(handle)


def error_reason(error: Exception) -> str:
    """Return why a file could not be read, in a few words."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    if type(error).__name__ == "UnidentifiedImageError":
        return "not an image in any known format"
    return f"{error}" if isinstance(error, (OSError, ValueError)) else f"{error!r}"
