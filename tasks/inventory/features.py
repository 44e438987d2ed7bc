"""Measures images: brightness and its like, a thumbnail and a hash to compare them by.

Small images are measured in stacks of one size, since for them the cost is the call, not the
pixels. Large ones are measured in strips, so that memory stays small.

| feature | is |
|---|---|
| brightness | mean of the gray values, 0 to 255 |
| contrast | standard deviation of the gray values, 0 to 127.5 |
| sharpness | variance of the Laplacian over the inner pixels |
| entropy | of the histogram of gray values, bits, 0 to 8 |
| thumbnail | 16 x 16 means of gray; in colour images then 4 x 4 of Cb and 4 x 4 of Cr; bytes |
| perceptual_hash | `imagehash.phash` of the thumbnail (`highfreq_factor=2`), hexadecimal |
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.inventory.file_contents import FileContents

    Rows = Sequence[dict[str, Any]]

# Larger images are measured one by one as they come: waiting for others would fill the memory.
STACKED_PIXELS = 128 * 128
STRIP_PIXELS = 2**20
# As many as the cache of a core holds with all that is computed of them.
STACK_VALUES = 2**18
GRAY_SIDE, COLOR_SIDE = 16, 4
# Cb and Cr of gray.
NEUTRAL = 128
HASH_SIDE = 8


class FeatureBatch:
    """Collects images, measures them in stacks and writes the features into their rows."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[int, ...], list[tuple[bytes, dict[str, Any]]]] = {}

    def add(self, contents: FileContents, row: dict[str, Any]) -> None:
        """Add an image as it is displayed; the features in its row are complete after `measure`."""
        height, width, _ = contents.shape
        if height * width > STACKED_PIXELS:
            measure_large(contents.displayed, row)
        else:
            self._waiting.setdefault(contents.shape, []).append((contents.pixels, row))

    def measure(self) -> None:
        """Measure the images that are waiting, in stacks of one size."""
        for shape, waiting in self._waiting.items():
            at_once = max(1, STACK_VALUES // math.prod(shape))
            for start in range(0, len(waiting), at_once):
                data, rows = zip(*waiting[start : start + at_once], strict=True)
                stack = np.frombuffer(b"".join(data), dtype=np.uint8).reshape(-1, *shape)
                measure_stack(stack, rows)
        self._waiting.clear()


def measure_stack(stack: np.ndarray, rows: Rows) -> None:
    """Measure images of one size and write the features into their rows.

    Args:
        stack: (images, height, width, 1 or 3) uint8.
        rows: one per image.
    """
    gray = gray_of(stack)
    edges = _laplacian(gray.astype(np.int16)).reshape(len(gray), -1)
    measures = _histogram_features(_histograms(gray.reshape(len(gray), -1)))
    measures["sharpness"] = edges.var(axis=1) if edges.shape[1] else np.zeros(len(gray))
    _write(rows, measures, thumbnails(gray, stack))


def measure_large(image: Image.Image, row: dict[str, Any]) -> None:
    """Measure one image of mode L or RGB in strips, and its thumbnail from a reduced copy."""
    gray = image.convert("L")
    count, total, squares = 0, 0, 0
    for top, bottom in _strips(gray):
        strip = np.asarray(gray.crop((0, top, gray.width, bottom)), np.int16)
        edges = _laplacian(strip[None])
        count += edges.size
        total += int(edges.sum(dtype=np.int64))
        # In integers, which are exact; threads of BLAS took ten times as long as all else here.
        squares += int(np.square(edges, dtype=np.int32).sum(dtype=np.int64))
    measures = _histogram_features(np.array([gray.histogram()]))
    # The variance of all strips together, as mean of the squares minus square of the mean.
    measures["sharpness"] = np.array([squares / count - (total / count) ** 2 if count else 0.0])
    side = 4 * GRAY_SIDE
    small = _pixels(image.resize((side, side), Image.Resampling.BOX))
    _write([row], measures, thumbnails(gray_of(small), small))


def gray_of(stack: np.ndarray) -> np.ndarray:
    """Return (images, height, width) uint8, equal to Pillow's `convert("L")` of RGB."""
    if stack.shape[-1] == 1:
        return stack[..., 0]
    red, green, blue = np.moveaxis(stack.astype(np.uint32), -1, 0)
    # Pillow's own fixed-point weights; floats would round differently in some pixels.
    gray: np.ndarray = (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16
    return gray.astype(np.uint8)


def thumbnails(gray: np.ndarray, stack: np.ndarray) -> np.ndarray:
    """Return (images, 288) uint8: 16 x 16 of gray, 4 x 4 of Cb and 4 x 4 of Cr."""
    thumbs = np.full((len(gray), GRAY_SIDE**2 + 2 * COLOR_SIDE**2), NEUTRAL, np.uint8)
    thumbs[:, : GRAY_SIDE**2] = _grid_means(gray, GRAY_SIDE)
    if stack.shape[-1] > 1:
        red, blue = (_grid_means(stack[..., channel], COLOR_SIDE) for channel in (0, 2))
        light = _grid_means(gray, COLOR_SIDE)
        thumbs[:, GRAY_SIDE**2 :] = np.rint(
            np.hstack([0.564 * (blue - light), 0.713 * (red - light)]) + NEUTRAL
        ).clip(0, 255)
    return thumbs


def perceptual_hashes(gray: np.ndarray) -> list[str]:
    """Return `imagehash.phash` of gray thumbnails, many at a time.

    Args:
        gray: (images, 16, 16) uint8.
    """
    waves = wave_matrix()
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
    """Return the first and last rows of strips that overlap by the two rows a Laplacian needs."""
    height = max(3, STRIP_PIXELS // image.width)
    tops = range(0, max(1, image.height - 2), height)
    return [(top, min(top + height + 2, image.height)) for top in tops]


def _histograms(flat: np.ndarray) -> np.ndarray:
    """Return (images, 256) counts of (images, pixels) uint8."""
    # One bincount for all images: the counts of image n go into bins 256 n to 256 n + 255.
    numbered = flat + 256 * np.arange(len(flat))[:, None]
    counts: np.ndarray = np.bincount(numbered.ravel(), minlength=256 * len(flat))
    return counts.reshape(len(flat), 256)


def _histogram_features(histograms: np.ndarray) -> dict[str, np.ndarray]:
    """Return brightness, contrast and entropy, each (images,), of (images, 256) counts.

    All images have as many pixels.
    """
    pixels = int(histograms[0].sum())
    shares = histograms / pixels
    values = np.arange(256)
    mean = shares @ values
    variance = shares @ values**2 - mean**2
    # Logarithms of the few shares there can be of a small image take half of the time.
    is_small = pixels <= STACKED_PIXELS
    terms = _entropy_terms(pixels)[histograms] if is_small else _terms_of(shares)
    return {
        "brightness": mean,
        # For an image of a single colour, rounding errors can leave a tiny negative variance.
        "contrast": np.sqrt(variance.round(6).clip(0)),
        "entropy": -terms.sum(axis=1),
    }


@functools.lru_cache(maxsize=64)
def _entropy_terms(pixels: int) -> np.ndarray:
    """Return (pixels + 1,) float64: the term of the entropy for each count of so many pixels."""
    return _terms_of(np.arange(pixels + 1) / pixels)


def _terms_of(shares: np.ndarray) -> np.ndarray:
    terms: np.ndarray = shares * np.log2(shares, where=shares > 0, out=np.zeros(shares.shape))
    return terms


def _laplacian(stack: np.ndarray) -> np.ndarray:
    """Return the Laplacian of (images, height, width) int16 over the inner pixels."""
    edges: np.ndarray = -4 * stack[:, 1:-1, 1:-1]
    edges += stack[:, 1:-1, :-2] + stack[:, 1:-1, 2:] + stack[:, :-2, 1:-1] + stack[:, 2:, 1:-1]
    return edges


def _grid_means(stack: np.ndarray, side: int) -> np.ndarray:
    """Return (images, side * side) float32: the means over the cells of a grid on each image."""
    _, height, width = stack.shape
    down, across = area_weights(height, side), area_weights(width, side)
    means: np.ndarray = np.rint(down @ stack.astype(np.float32) @ across.T)
    return means.reshape(len(stack), -1)


@functools.cache
def area_weights(length: int, side: int) -> np.ndarray:
    """Return (side, length) float32: the share that each of `length` pixels has in each cell."""
    edges = np.arange(side + 1) * length / side
    pixels = np.arange(length)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    covered = covered.clip(0)
    weights: np.ndarray = (covered / covered.sum(axis=1, keepdims=True)).astype(np.float32)
    return weights


@functools.cache
def wave_matrix() -> np.ndarray:
    """Return (8, 16) float64: the rows of the discrete cosine transform (type II) for low waves.

    `scipy.fft.dct` would double the time a worker process needs to start, and takes two to five
    times as long for 16 x 16 values. It also rounds differently, which changes the hash of images
    whose coefficients are zero but for rounding: those of one colour, or symmetric ones.
    """
    pixels, waves = np.arange(GRAY_SIDE), np.arange(HASH_SIDE)[:, None]
    return 2 * np.cos(np.pi * waves * (2 * pixels + 1) / (2 * GRAY_SIDE))
