"""Images go in; how they look, and a thumbnail and hashes to compare them by, come out.

Small images are measured in stacks of one size, since for them the cost is the call, not the
pixels. Large ones are measured in strips, so that memory stays small.

brightness: mean of the gray values, 0 to 255. contrast: their standard deviation, 0 to 127.5.
sharpness: variance of the Laplacian over the inner pixels. entropy: of the histogram, bits, 0 to 8.
thumbnail: 16 x 16 gray values as bytes, each the mean of its part of the image, and behind them,
of an image with colours, 4 x 4 values of Cb and as many of Cr. perceptual_hash: `imagehash.phash`
of that thumbnail (`highfreq_factor=2`), 16 hexadecimal digits.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    Rows = Sequence[dict[str, Any]]

# Larger images are measured at once, one by one, and not kept.
STACKED_PIXELS = 128 * 128
STRIP_PIXELS = 2**20
GRAY_SIDE, COLOR_SIDE = 16, 4
NEUTRAL = 128
HASH_SIDE = 8


class FeatureBatch:
    """Measures images and writes what it finds into their rows."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[int, ...], list[tuple[bytes, dict[str, Any]]]] = {}

    def add(self, image: Image.Image, data: bytes, row: dict[str, Any]) -> None:
        """Take an image; its row is complete after `measure`.

        Args:
            image: of mode L or RGB.
            data: its raw pixels.
            row: gets the measures.
        """
        shape = (image.height, image.width, len(image.getbands()))
        if image.height * image.width > STACKED_PIXELS:
            measure_large(image, row)
        else:
            self._waiting.setdefault(shape, []).append((data, row))

    def measure(self) -> None:
        """Measure what waits, a size at a time."""
        for shape, waiting in self._waiting.items():
            data, rows = zip(*waiting, strict=True)
            stack = np.frombuffer(b"".join(data), dtype=np.uint8).reshape(-1, *shape)
            measure_stack(stack, rows)
        self._waiting.clear()


def measure_stack(stack: np.ndarray, rows: Rows) -> None:
    """Measure images of one size and write into a row each.

    Args:
        stack: (images, height, width, 1 or 3) uint8.
        rows: one an image.
    """
    gray = gray_of(stack)
    edges = _laplacian(gray.astype(np.int16)).reshape(len(gray), -1)
    measures = _of_histograms(_histograms(gray.reshape(len(gray), -1)))
    measures["sharpness"] = edges.var(axis=1) if edges.shape[1] else np.zeros(len(gray))
    _write(rows, measures, thumbnails(gray, stack))


def measure_large(image: Image.Image, row: dict[str, Any]) -> None:
    """Measure one image of mode L or RGB in strips, its thumbnail from a smaller copy."""
    gray = image.convert("L")
    count, total, squares = 0, 0.0, 0.0
    for top, bottom in _strips(gray):
        strip = np.asarray(gray.crop((0, top, gray.width, bottom)), np.int16)
        edges = _laplacian(strip[None]).ravel().astype(np.float64)
        count += edges.size
        total += float(edges.sum())
        squares += float(edges @ edges)
    measures = _of_histograms(np.array([gray.histogram()]))
    measures["sharpness"] = np.array([squares / count - (total / count) ** 2 if count else 0.0])
    side = 4 * GRAY_SIDE
    small = _pixels(image.resize((side, side), Image.Resampling.BOX))
    _write([row], measures, thumbnails(gray_of(small), small))


def gray_of(stack: np.ndarray) -> np.ndarray:
    """Return (images, height, width) uint8 as Pillow's `convert("L")` makes it of RGB."""
    if stack.shape[-1] == 1:
        return stack[..., 0]
    red, green, blue = np.moveaxis(stack.astype(np.uint32), -1, 0)
    gray: np.ndarray = (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16
    return gray.astype(np.uint8)


def thumbnails(gray: np.ndarray, stack: np.ndarray) -> np.ndarray:
    """Return (images, 288) uint8: 16 x 16 of gray, 4 x 4 of Cb and 4 x 4 of Cr."""
    thumbs = np.full((len(gray), GRAY_SIDE**2 + 2 * COLOR_SIDE**2), NEUTRAL, np.uint8)
    thumbs[:, : GRAY_SIDE**2] = _averaged(gray, GRAY_SIDE)
    if stack.shape[-1] > 1:
        red, blue = (_averaged(stack[..., channel], COLOR_SIDE) for channel in (0, 2))
        light = _averaged(gray, COLOR_SIDE)
        thumbs[:, GRAY_SIDE**2 :] = np.rint(
            np.hstack([0.564 * (blue - light), 0.713 * (red - light)]) + NEUTRAL
        ).clip(0, 255)
    return thumbs


def perceptual_hashes(gray: np.ndarray) -> list[str]:
    """Return `imagehash.phash` of gray thumbnails, many at a time.

    Args:
        gray: (images, 16, 16) uint8.
    """
    waves = _cosines()
    low = (waves @ gray.astype(np.float64) @ waves.T).reshape(len(gray), -1)
    bits = low > np.median(low, axis=1, keepdims=True)
    return [packed.tobytes().hex() for packed in np.packbits(bits, axis=1)]


def _write(rows: Rows, measures: dict[str, np.ndarray], thumbs: np.ndarray) -> None:
    gray = thumbs[:, : GRAY_SIDE**2]
    colored = (thumbs[:, GRAY_SIDE**2 :] != NEUTRAL).any(axis=1)
    hashes = perceptual_hashes(gray.reshape(-1, GRAY_SIDE, GRAY_SIDE))
    for name, values in measures.items():
        for row, value in zip(rows, values.tolist(), strict=True):
            row[name] = value
    for row, thumb, has_color, hashed in zip(rows, thumbs, colored, hashes, strict=True):
        row["thumbnail"] = thumb.tobytes() if has_color else thumb[: GRAY_SIDE**2].tobytes()
        row["perceptual_hash"] = hashed


def _pixels(image: Image.Image) -> np.ndarray:
    """Return (1, height, width, channels) uint8."""
    return np.asarray(image).reshape(1, image.height, image.width, -1)


def _strips(image: Image.Image) -> list[tuple[int, int]]:
    """Return the first and the last row of strips that overlap by the two rows edges need."""
    height = max(3, STRIP_PIXELS // image.width)
    tops = range(0, max(1, image.height - 2), height)
    return [(top, min(top + height + 2, image.height)) for top in tops]


def _histograms(flat: np.ndarray) -> np.ndarray:
    """Return (images, 256) counts of (images, pixels) uint8."""
    numbered = flat + 256 * np.arange(len(flat), dtype=np.int32)[:, None]
    counts: np.ndarray = np.bincount(numbered.ravel(), minlength=256 * len(flat))
    return counts.reshape(len(flat), 256)


def _of_histograms(histograms: np.ndarray) -> dict[str, np.ndarray]:
    """Return brightness, contrast and entropy of (images, 256) counts."""
    shares = histograms / histograms.sum(axis=1, keepdims=True)
    values = np.arange(256)
    mean = shares @ values
    variance = shares @ values**2 - mean**2
    logs = np.log2(shares, where=shares > 0, out=np.zeros(shares.shape))
    return {
        "brightness": mean,
        # Of an image of one colour rounding may leave a little less than nothing.
        "contrast": np.sqrt(variance.round(6).clip(0)),
        "entropy": -(shares * logs).sum(axis=1),
    }


def _laplacian(stack: np.ndarray) -> np.ndarray:
    """Return the Laplacian of (images, height, width) int16 over the inner pixels."""
    edges: np.ndarray = -4 * stack[:, 1:-1, 1:-1]
    edges += stack[:, 1:-1, :-2] + stack[:, 1:-1, 2:] + stack[:, :-2, 1:-1] + stack[:, 2:, 1:-1]
    return edges


def _averaged(stack: np.ndarray, side: int) -> np.ndarray:
    """Return (images, side * side) float32: the means over a grid laid on each image."""
    _, height, width = stack.shape
    down, across = areas(height, side), areas(width, side)
    averaged: np.ndarray = np.rint(down @ stack.astype(np.float32) @ across.T)
    return averaged.reshape(len(stack), -1)


@functools.cache
def areas(length: int, side: int) -> np.ndarray:
    """Return (side, length) float32: the share of each cell that each of `length` pixels covers."""
    edges = np.arange(side + 1) * length / side
    pixels = np.arange(length)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    covered = covered.clip(0)
    weights: np.ndarray = (covered / covered.sum(axis=1, keepdims=True)).astype(np.float32)
    return weights


@functools.cache
def _cosines() -> np.ndarray:
    """Return (8, 16) float64: the lowest waves of SciPy's cosine transform (type II)."""
    places, waves = np.arange(GRAY_SIDE), np.arange(HASH_SIDE)[:, None]
    return 2 * np.cos(np.pi * waves * (2 * places + 1) / (2 * GRAY_SIDE))
