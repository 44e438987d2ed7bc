"""Images of more than 8 bits per channel: their values, the range of these, and 8 bits of them.

Pillow keeps gray of up to 32 bits and floats as they are, but drops the lower half of 16-bit
colours when it opens them. Imports only Pillow and NumPy, so that a worker process starts fast.
"""

from __future__ import annotations

import functools
import io
from typing import Any

import numpy as np
from PIL import Image

BITS = 8
COLORS = ("RGB", "RGBA")
# Both bytes of gray and of opacity, which Pillow opens as colours: its raw form of those.
GRAY_AND_ALPHA = "RGBA"
SAMPLE_FORMAT, UNSIGNED = 339, 1
# So many pixels, and at least one, may lie far outside all others: hot and dead ones of a sensor.
OUTLIERS = 1e-4
# As many times the range of all others.
FAR_OUT = 8
# Rows are scaled in parts, as floats take four times the memory.
PART = 2**20
FLOAT_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), (0.0, 1023.0), (0.0, 4095.0), (0.0, 65535.0))


def bit_depth_of(image: Image.Image) -> int:
    """Return the bits per channel as stored, which only the name of Pillow's raw decoder says."""
    for tile in getattr(image, "tile", ())[:1]:
        raw = tile[3] if isinstance(tile[3], str) else next(iter(tile[3] or ()), "")
        _, _, stored = str(raw).partition(";")
        if stored[:2].rstrip("BLNRSI").isdigit():
            return int(stored[:2].rstrip("BLNRSI"))
    return {"1": 1, "I": 32, "F": 32}.get(image.mode, 16 if image.mode[0] == "I" else 8)


def deep_values(image: Image.Image, bits: int, data: bytes) -> np.ndarray | None:
    """Return the values of an opened image of more than 8 bits per channel; None of any other.

    Args:
        image: opened, and loaded.
        bits: per channel, as stored.
        data: the whole file; 16-bit colours are read from it once more.

    Returns:
        (height, width) or (height, width, channels), not turned upright, as stored: uint16, int32,
        uint32 or float32.
    """
    if image.mode[0] in "IF":
        values = np.asarray(image)
        is_unsigned = image.mode == "I" and _tiff_tag(image, SAMPLE_FORMAT) == UNSIGNED
        return values.view(np.uint32) if is_unsigned and bits > 16 else values  # noqa: PLR2004 - bits
    if bits <= BITS or image.mode not in COLORS or image.format not in ("PNG", "TIFF"):
        return None
    return _deep_colors(image, data)


def _tiff_tag(image: Image.Image, tag: int) -> Any:
    value = getattr(image, "tag_v2", {}).get(tag, UNSIGNED)
    return value[0] if isinstance(value, tuple) else value


def _deep_colors(image: Image.Image, data: bytes) -> np.ndarray | None:
    """Return the 16-bit values of a colour image, (height, width, channels) uint16."""
    # Read with its bytes exchanged, the lower ones are those that Pillow keeps.
    with Image.open(io.BytesIO(data), formats=[str(image.format)]) as again:
        tiles = [tile._replace(args=_exchanged(tile.args)) for tile in again.tile]
        if any(tile.args is None for tile in tiles):
            return None
        again.tile = tiles
        low = np.asarray(again).astype(np.uint16)
    if tiles[0].args == GRAY_AND_ALPHA:
        return low[..., ::2] << 8 | low[..., 1::2]
    return np.asarray(image).astype(np.uint16) << 8 | low


def _exchanged(args: Any) -> Any:
    """Return the arguments of Pillow's decoder for the other order of bytes; None if unknown."""
    raw = args if isinstance(args, str) else args[0]
    if raw == "LA;16B":
        return GRAY_AND_ALPHA
    for end, other in ((";16L", ";16B"), (";16N", ";16B"), (";16B", ";16L")):
        if raw.endswith(end):
            changed = raw.removesuffix(end) + other
            return changed if isinstance(args, str) else (changed, *args[1:])
    return None


def describe_values(values: np.ndarray) -> dict[str, float]:
    """Return value_low and value_high: the range of an image's values; nothing if it has none.

    NaN and infinite values don't count, nor does transparency, nor do a few values far outside.
    """
    colors = values[..., :-1] if values.ndim > 2 and values.shape[-1] in (2, 4) else values  # noqa: PLR2004 - height, width, channels
    flat = colors.ravel()
    if flat.dtype.kind == "f":
        flat = flat[np.isfinite(flat)]
    if not flat.size:
        return {}
    low, high = float(flat.min()), float(flat.max())
    few = max(1, int(OUTLIERS * flat.size))
    if flat.size > 2 * few + 1:
        inner = np.partition(flat, (few, flat.size - 1 - few))
        bulk_low, bulk_high = float(inner[few]), float(inner[-1 - few])
        if bulk_high > bulk_low and high - low > FAR_OUT * (bulk_high - bulk_low):
            low, high = bulk_low, bulk_high
    return {"value_low": low, "value_high": high}


def natural_range(low: float, high: float, *, is_float: bool) -> tuple[float, float]:
    """Return the range that values like these are usually measured in.

    That of the fewest bits for integers; 0 to 1, -1 to 1 or that of 8, 10, 12 or 16 bits for
    floats; the values' own if there is none.
    """
    if not is_float and low >= 0:
        return 0.0, float(2 ** max(1, int(high).bit_length()) - 1)
    if not is_float:
        bits = max(int(high).bit_length(), int(-low - 1).bit_length())
        return -float(2**bits), float(2**bits - 1)
    fitting = (each for each in FLOAT_RANGES if each[0] <= low and high <= each[1])
    return next(fitting, (low, high))


def scale_values(values: np.ndarray, value_range: tuple[float, float]) -> Image.Image:
    """Return an image of 8 bits; what lies outside the range is clipped, and NaN is its low end.

    Args:
        values: as `deep_values` returns them.
        value_range: what becomes 0 and 255.

    Returns:
        An image of mode L, LA, RGB or RGBA.
    """
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:  # noqa: PLR2004 - bytes
        scaled = _table(*value_range)[values]
    else:
        scaled = np.empty(values.shape, np.uint8)
        rows = max(1, PART // max(1, values[0].size))
        for start in range(0, len(values), rows):
            scaled[start : start + rows] = _scaled(values[start : start + rows], *value_range)
    if values.ndim > 2 and values.shape[-1] in (2, 4):  # noqa: PLR2004 - height, width, channels
        # Opacity has the whole range of its bits.
        scaled[..., -1] = values[..., -1] >> BITS
    return Image.fromarray(scaled)


def display_values(values: np.ndarray) -> Image.Image:
    """Return an image of 8 bits in its own natural range, as `scale_values` does."""
    found = describe_values(values)
    if not found:
        return scale_values(values, (0.0, 1.0))
    is_float = values.dtype.kind == "f"
    low, high = natural_range(found["value_low"], found["value_high"], is_float=is_float)
    # A float image of one value has no range; it is blank in any.
    return scale_values(values, (low, high if high > low else low + 1))


def as_gray(image: Image.Image) -> Image.Image:
    """Return an image of mode I or F in 8-bit gray; of 16 bits the upper 8 are kept."""
    if image.mode.startswith("I"):
        values = np.asarray(image).clip(0, 2**16 - 1).astype(np.uint16)
        return Image.fromarray((values >> 8).astype(np.uint8))
    values = np.nan_to_num(np.asarray(image))
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def hashed_form(values: np.ndarray) -> bytes:
    """Return bytes that are equal for equal values, whatever file they come from."""
    kind = np.float32 if values.dtype.kind == "f" else np.int64
    return values.astype(kind).tobytes()


@functools.lru_cache(maxsize=4)
def _table(low: float, high: float) -> np.ndarray:
    """Return (65536,) uint8: every value of 16 bits, scaled."""
    return _scaled(np.arange(2**16), low, high)


def _scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    # In double precision, as 32-bit integers have more digits than a float.
    numbers = np.nan_to_num(values.astype(np.float64), nan=low, posinf=high, neginf=low)
    scaled: np.ndarray = np.rint((numbers - low) * (255 / (high - low))).clip(0, 255)
    return scaled.astype(np.uint8)
