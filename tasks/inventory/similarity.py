"""Pairs of files go in; whether their pixels are the same image, saved twice, comes out.

Two images are alike where one, made brighter or darker and given more or less contrast as a
whole, is the other but for the traces of saving: in no part of it they differ by much. Two images
of one scene with another object in it, or of two parts of which one has a scratch, are not.

Imports only Pillow and NumPy, so that a worker process starts fast.
"""

from __future__ import annotations

import functools
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from tasks.inventory.features import areas
from tasks.inventory.image_file import as_displayed, open_image

MOST_SIDE = 256
PART_SIDE, MOST_PARTS = 8, 16
# Gray levels, root mean square over a part. JPEG of quality 50 stays below, another stroke doesn't.
MOST_DIFFERENCE = 20.0
MOST_GAIN = 1.5
MOST_OFFSET = 40.0
KEPT_IMAGES = 2_048


def confirm_pairs(root: str, pairs: list[tuple[str, str]], max_pixels: int) -> list[bool]:
    """Tell of each pair of files whether they hold the same image.

    Args:
        root: folder the paths are relative to.
        pairs: relative POSIX paths of two files.
        max_pixels: an image that declares more is not expanded.

    Returns:
        A boolean a pair; False also where a file can't be read any more.
    """
    told = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for one, other in pairs:
            try:
                first = _gray(root, one, max_pixels)
                told.append(is_alike(first, _gray(root, other, max_pixels)))
            except Exception:  # noqa: BLE001 - decoders raise anything on bytes that changed
                told.append(False)
    return told


def is_alike(first: Image.Image, second: Image.Image) -> bool:
    """Tell whether two gray images are the same, saved twice."""
    size = min(first.size, second.size, key=lambda side: side[0] * side[1])
    a, b = (
        np.asarray(
            image if image.size == size else image.resize(size, Image.Resampling.BOX),
            dtype=np.float32,
        )
        for image in (first, second)
    )
    offset = float(abs(a.mean() - b.mean()))
    a, b = a - a.mean(), b - b.mean()
    gain = float((a * b).sum() / max(float((b * b).sum()), 1e-6))
    if offset > MOST_OFFSET or not 1 / MOST_GAIN <= gain <= MOST_GAIN:
        return False
    height, width = a.shape
    down, across = (areas(side, _parts(side)) for side in (height, width))
    parts = down @ (a - gain * b) ** 2 @ across.T
    return bool(parts.max() <= MOST_DIFFERENCE**2)


def _parts(side: int) -> int:
    return min(MOST_PARTS, max(1, side // PART_SIDE))


@functools.lru_cache(maxsize=KEPT_IMAGES)
def _gray(root: str, path: str, max_pixels: int) -> Image.Image:
    with open_image(Path(root, path).read_bytes(), max_pixels=max_pixels) as opened:
        # Large JPEG files are decoded at a fraction of their size.
        opened.draft(None, (MOST_SIDE, MOST_SIDE))
        gray = as_displayed(opened).convert("L")
    if max(gray.size) > MOST_SIDE:
        gray.thumbnail((MOST_SIDE, MOST_SIDE), Image.Resampling.BOX)
    return gray
