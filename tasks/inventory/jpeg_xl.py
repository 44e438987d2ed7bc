"""Reads the size that a JPEG XL file declares, before anything of it is decoded.

The layout of the bits is that of ISO/IEC 18181-1 (SizeHeader) and 18181-2 (the boxes).
"""

from __future__ import annotations

CODESTREAM = b"\xff\x0a"
# Bits of a number, by the two bits before it.
NUMBER_BITS = (9, 13, 18, 30)
# Width by height, by the three bits between them; 0 means that the width follows.
RATIOS = ((0, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
HEADER_BYTES = 16


class _Bits:
    """The bits of some bytes, the lowest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def take(self, count: int) -> int:
        """Return the next bits as a number."""
        self._left -= count
        if self._left < 0:
            raise ValueError("the JPEG XL file ends within its header")
        taken = self._value & ((1 << count) - 1)
        self._value >>= count
        return taken


def declared_size(data: bytes) -> tuple[int, int]:
    """Return the width and height that a JPEG XL file declares, pixels.

    Raises:
        ValueError: there is no such header.
    """
    bits = _Bits(_codestream(data)[len(CODESTREAM) :][:HEADER_BYTES])
    is_small = bool(bits.take(1))
    height = _length(bits, is_small=is_small)
    width, divisor = RATIOS[bits.take(3)]
    if not width:
        return _length(bits, is_small=is_small), height
    return height * width // divisor, height


def _length(bits: _Bits, *, is_small: bool) -> int:
    if is_small:
        return 8 * (bits.take(5) + 1)
    return 1 + bits.take(NUMBER_BITS[bits.take(2)])


def _codestream(data: bytes) -> bytes:
    """Return the image of a file, which may lie in a box."""
    if data.startswith(CODESTREAM):
        return data
    start = 0
    while start + 8 <= len(data):
        size, kind = int.from_bytes(data[start : start + 4]), data[start + 4 : start + 8]
        begin = start + 8
        if size == 1:
            size, begin = int.from_bytes(data[begin : begin + 8]), begin + 8
        # Of an image in parts, the first begins with the number of the part.
        part = data[begin + (4 if kind == b"jxlp" else 0) :]
        if kind in (b"jxlc", b"jxlp") and part.startswith(CODESTREAM):
            return part[: HEADER_BYTES * 2]
        if size == 0 or size < begin - start:
            break
        start += size
    raise ValueError("the JPEG XL file holds no image")
