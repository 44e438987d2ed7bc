"""TIFF and PNG of kinds that Pillow can't write, made byte by byte."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SHORT, LONG = 3, 4
FORMATS = {"u": 1, "i": 2, "f": 3}


def tiff_of(values: np.ndarray, *, planar: bool = False) -> bytes:
    """Write an uncompressed TIFF of any type; (height, width) or (height, width, channels)."""
    height, width, *rest = values.shape
    channels = rest[0] if rest else 1
    planes = [values[..., each] for each in range(channels)] if planar else [values]
    strips = [plane.astype(values.dtype.newbyteorder("<")).tobytes() for plane in planes]
    starts = [8 + sum(map(len, strips[:each])) for each in range(len(strips))]
    tags = (
        (256, LONG, [width]),
        (257, LONG, [height]),
        (258, SHORT, [8 * values.dtype.itemsize] * channels),
        (259, SHORT, [1]),
        (262, SHORT, [2 if channels > 1 else 1]),
        (273, LONG, starts),
        (277, SHORT, [channels]),
        (278, LONG, [height]),
        (279, LONG, [len(strip) for strip in strips]),
        (284, SHORT, [2 if planar else 1]),
        (339, SHORT, [FORMATS[values.dtype.kind]] * channels),
    )
    directory = 8 + sum(map(len, strips))
    behind = directory + 2 + 12 * len(tags) + 4
    entries = extra = b""
    for tag, kind, numbers in tags:
        data = struct.pack(f"<{len(numbers)}{'H' if kind == SHORT else 'I'}", *numbers)
        if len(data) > 4:
            data, extra = struct.pack("<I", behind + len(extra)), extra + data
        entries += struct.pack("<HHI", tag, kind, len(numbers)) + data.ljust(4, b"\0")
    head = b"II*\0" + struct.pack("<I", directory)
    return b"".join((head, *strips, struct.pack("<H", len(tags)), entries, bytes(4), extra))


def png_of(values: np.ndarray) -> bytes:
    """Write a PNG of 16 bits a channel, (height, width, channels)."""
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[values.shape[2]]
    rows = values.astype(">u2").reshape(len(values), -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, kind, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
