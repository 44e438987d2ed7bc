"""The bytes of a plain PNG go in; its pixels come out, some times faster than Pillow opens it.

Plain is what nearly all PNG files of data sets are: 8-bit gray or colours, no transparency, no
metadata. All others are left to Pillow, and so is any file that the decoder complains about, as
only Pillow's reasons are shown.
"""

from __future__ import annotations

import struct

import imagecodecs
import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Length and name of the first chunk, width, height, bits, kind, compression, filter, interlace.
HEADER = struct.Struct(">8sI4sIIBBBBB")
HEADER_LENGTH, HEADER_END = 13, 33
PLAIN_BITS, GRAY, RGB = 8, 0, 2
CHUNK = struct.Struct(">I4s")
CHECKSUM = 4
# Of no consequence for the pixels as Pillow decodes them, for their mode or their orientation.
PASSED_OVER = frozenset((b"IDAT", b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"tIME"))


def decode_plain_png(data: bytes, max_pixels: int) -> np.ndarray | None:
    """Return the pixels of a PNG, if it is a plain one.

    Args:
        data: the whole file.
        max_pixels: an image that declares more is not decoded.

    Returns:
        (height, width) or (height, width, 3) uint8, equal to what Pillow decodes; None if only
        Pillow can tell.
    """
    if not data.startswith(SIGNATURE) or len(data) < HEADER_END:
        return None
    _, length, name, width, height, bits, kind, *methods = HEADER.unpack_from(data)
    if (length, name, bits) != (HEADER_LENGTH, b"IHDR", PLAIN_BITS) or any(methods):
        return None
    if kind not in (GRAY, RGB) or width * height > max_pixels or not _has_plain_chunks(data):
        return None
    try:
        pixels: np.ndarray = imagecodecs.spng_decode(data)
    except Exception:  # noqa: BLE001 - whatever it is, Pillow says it in its own words
        return None
    shape = (height, width) if kind == GRAY else (height, width, 3)
    return pixels if pixels.shape == shape and pixels.dtype == np.uint8 else None


def _has_plain_chunks(data: bytes) -> bool:
    """Return whether after the header there are pixels, an end, and nothing else that matters."""
    start = HEADER_END
    while start + CHUNK.size <= len(data):
        length, name = CHUNK.unpack_from(data, start)
        start += CHUNK.size + length + CHECKSUM
        if name == b"IEND":
            return not length and start == len(data)
        if name not in PASSED_OVER:
            return False
    return False
