"""Images of more than 8 bits per channel: their values, the range of these, and 8 bits of them.

Pillow keeps gray of up to 32 bits and floats as they are, but drops the lower half of 16-bit
colours when it opens them. Imports only Pillow and NumPy, so that a worker process starts fast.
"""

from __future__ import annotations

import functools
import io
from typing import Any

import numpy as np
from PIL import Image, ImageFile

BITS = 8
COLORS = ("RGB", "RGBA")
# Both bytes of gray and of opacity, which Pillow opens as colours: its raw form of those.
GRAY_AND_ALPHA = "RGBA"
# Tags of TIFF, and some of their values.
SAMPLE_FORMAT, UNSIGNED, SIGNED = 339, 1, 2
PLANES, APART, BITS_PER_SAMPLE, NO_DATA = 284, 2, 258, 42113
# What Pillow decodes to garbage.
MISREAD = (
    "colours of 16 bits in a plane each, which can't be read; save them with the colours of a pixel"
    " together"
)
# So many pixels, and at least one, may lie far outside all others: hot and dead ones of a sensor.
OUTLIERS = 1e-4
# As many times the range of all others.
FAR_OUT = 8
# Rows are scaled in parts, as floats take four times the memory.
PART = 2**20
# Of computed tomography, in Hounsfield units.
CT = (-1024.0, 3071.0)
FLOAT_RANGES = (
    (0.0, 1.0),
    (-1.0, 1.0),
    *((0.0, 2.0**bits - 1) for bits in range(8, 17)),
    CT,
)
# A usual range of which the values fill less is not theirs: a thermal camera's lie close together.
FILLED = 0.25


def bit_depth_of(image: Image.Image) -> int:
    """Return the bits per channel as stored, which only the name of Pillow's raw decoder says."""
    for tile in getattr(image, "tile", ())[:1]:
        if tile[0].startswith("ppm"):
            return 16 if tile[3][1] > 2**BITS - 1 else BITS
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
        (height, width) or (height, width, channels), not turned upright, as stored: int8, uint16,
        int32, uint32 or float32.

    Raises:
        ValueError: Pillow would misread them.
    """
    if image.mode[0] in "IF":
        values = np.asarray(image)
        is_unsigned = image.mode == "I" and _tiff_tag(image, SAMPLE_FORMAT) == UNSIGNED
        return values.view(np.uint32) if is_unsigned and bits > 16 else values  # noqa: PLR2004 - bits
    if image.format == "TIFF" and image.mode == "L" and _tiff_tag(image, SAMPLE_FORMAT) == SIGNED:
        # Pillow takes negative values for large ones.
        return np.asarray(image).view(np.int8)
    if image.mode not in COLORS or image.format not in ("PNG", "TIFF", "PPM"):
        return None
    is_apart = image.format == "TIFF" and _tiff_tag(image, PLANES) == APART
    if is_apart and _tiff_tag(image, BITS_PER_SAMPLE) > BITS:
        raise ValueError(MISREAD)
    return _deep_colors(image, data) if bits > BITS else None


def no_data_of(image: Image.Image) -> float | None:
    """Return the value that stands for no data in a TIFF of GDAL's; None if there is none."""
    try:
        return float(_tiff_tag(image, NO_DATA, "none").strip(" \0"))
    except (AttributeError, ValueError):
        return None


def _tiff_tag(image: Image.Image, tag: int, default: Any = 1) -> Any:
    """Return the first value of a tag; those above are 1 where they are missing."""
    value = getattr(image, "tag_v2", {}).get(tag, default)
    return value[0] if isinstance(value, tuple) else value


def _deep_colors(image: Image.Image, data: bytes) -> np.ndarray | None:
    """Return the 16-bit values of a colour image, (height, width, channels) uint16."""
    # Read with its bytes exchanged, the lower ones are those that Pillow keeps.
    with Image.open(io.BytesIO(data), formats=[str(image.format)]) as again:
        if image.format == "PPM":
            return _portable_colors(again, data)
        tiles = [tile._replace(args=_exchanged(tile.args)) for tile in again.tile]
        if any(tile.args is None for tile in tiles):
            return None
        again.tile = tiles
        low = np.asarray(again).astype(np.uint16)
    if tiles[0].args == GRAY_AND_ALPHA:
        return low[..., ::2] << 8 | low[..., 1::2]
    return np.asarray(image).astype(np.uint16) << 8 | low


def _portable_colors(image: ImageFile.ImageFile, data: bytes) -> np.ndarray | None:
    """Return the same of a PPM, which Pillow scales to 8 bits; None if it is one of text."""
    name, _, start, _ = image.tile[0]
    if name != "ppm":
        return None
    values = np.frombuffer(data, ">u2", image.width * image.height * 3, start)
    return values.reshape(image.height, image.width, 3)


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


def describe_values(values: np.ndarray, no_data: float | None = None) -> dict[str, float]:
    """Return value_low and value_high: the range of an image's values; nothing if it has none.

    NaN and infinite values don't count, nor does transparency, nor do a few values far outside, nor
    a single value far outside, however frequent: it stands for no data.

    Args:
        values: as `deep_values` returns them.
        no_data: a value that doesn't count, as `no_data_of` returns it.
    """
    colors = values[..., :-1] if values.ndim > 2 and values.shape[-1] in (2, 4) else values  # noqa: PLR2004 - height, width, channels
    flat = colors.ravel()
    if flat.dtype.kind == "f":
        flat = flat[np.isfinite(flat)]
    if no_data is not None:
        # In the values' own precision, as -3.4e38 is another number in single and in double.
        flat = flat[flat.astype(np.float32) != np.float32(no_data)]
    if not flat.size:
        return {}
    low, high = _without_few(flat, *_without_one(flat))
    return {"value_low": low, "value_high": high}


def _without_one(flat: np.ndarray) -> tuple[float, float]:
    """Return the range of values without the lowest and the highest one that are far outside."""
    low, high = flat.min(), flat.max()
    rest = flat[(flat > low) & (flat < high)]
    if not rest.size:
        return float(low), float(high)
    inner = float(rest.min()), float(rest.max())
    far = FAR_OUT * (inner[1] - inner[0])
    return (
        inner[0] if 0 < far < inner[0] - float(low) else float(low),
        inner[1] if 0 < far < float(high) - inner[1] else float(high),
    )


def _without_few(flat: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """Return a range of values, or that of all but a few, where it is far wider."""
    few = max(1, int(OUTLIERS * flat.size))
    if flat.size <= 2 * few + 1:
        return low, high
    inner = np.partition(flat, (few, flat.size - 1 - few))
    bulk_low, bulk_high = max(low, float(inner[few])), min(high, float(inner[-1 - few]))
    is_far = bulk_high > bulk_low and high - low > FAR_OUT * (bulk_high - bulk_low)
    return (bulk_low, bulk_high) if is_far else (low, high)


def natural_range(low: float, high: float, *, is_float: bool) -> tuple[float, float]:
    """Return the range that values like these are usually measured in.

    That of the fewest bits for integers, or of computed tomography if that is narrower; for floats
    0 to 1, -1 to 1, that of 8 to 16 bits, or of computed tomography; the values' own if there is
    none.
    """
    if not is_float and low >= 0:
        return 0.0, float(2 ** max(1, int(high).bit_length()) - 1)
    if not is_float:
        bits = max(int(high).bit_length(), int(-low - 1).bit_length())
        signed = -float(2**bits), float(2**bits - 1)
        is_ct = CT[0] <= low and high <= CT[1] and signed[1] > CT[1]
        return CT if is_ct else signed
    fitting = (each for each in FLOAT_RANGES if each[0] <= low and high <= each[1])
    return next(fitting, (low, high))


def fitting_range(low: float, high: float, *, is_float: bool) -> tuple[float, float]:
    """Return the natural range of values, or their own where they fill little of that.

    Args:
        low: the lowest of them.
        high: the highest.
        is_float: whether they are no integers.

    Returns:
        Two different numbers.
    """
    usual = natural_range(low, high, is_float=is_float)
    if high > low and high - low < FILLED * (usual[1] - usual[0]):
        return low, high
    # A float image of one value has no range; it is blank in any.
    return usual if usual[1] > usual[0] else (low, low + max(1.0, abs(low)))


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


def display_values(values: np.ndarray, no_data: float | None = None) -> Image.Image:
    """Return an image of 8 bits in the range that fits its own values, as `scale_values` does.

    Args:
        values: as `deep_values` returns them.
        no_data: as `no_data_of` returns it.
    """
    found = describe_values(values, no_data)
    if not found:
        return scale_values(values, (0.0, 1.0))
    is_float = values.dtype.kind == "f"
    return scale_values(
        values, fitting_range(found["value_low"], found["value_high"], is_float=is_float)
    )


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
