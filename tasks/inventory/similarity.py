"""Compares pairs of files: do their pixels show the same image, saved twice?

Two images are the same where one, after one change of brightness and contrast for the whole image,
matches the other everywhere but for compression artefacts. Two images of one scene with another
object in it, or of two parts of which one has a scratch, are not.

Imports only Pillow and NumPy, so that a worker process starts fast.
"""

from __future__ import annotations

import functools
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tasks.inventory.displayed import show_opened
from tasks.inventory.features import area_weights
from tasks.inventory.opened_image import open_image
from tasks.inventory.turns import turn_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Pair = tuple[str, str] | tuple[str, str, int]

# Larger images are scaled down, so that a comparison costs the same for photographs of any size.
MAX_SIDE = 256
PART_SIDE, MAX_PARTS = 8, 16
# Gray levels, root mean square over a part. JPEG of quality 50 stays below, a changed pen stroke
# doesn't.
MAX_DIFFERENCE = 20.0
MAX_GAIN = 1.5
MAX_OFFSET = 40.0
# Pairs arrive sorted by file: an image is mostly needed again soon. 64 KiB each at most.
CACHED_IMAGES = 2_048


def confirm_pairs(root: str, pairs: Sequence[Pair], max_pixels: int) -> list[bool]:
    """Return for each pair of files whether they hold the same image, the second one turned.

    Args:
        root: folder the paths are relative to.
        pairs: relative POSIX paths of two files, and the turn of the second one where it is turned;
            see `turns`.
        max_pixels: an image that declares more is not expanded.

    Returns:
        One boolean per pair; False also where a file can't be read any more.
    """

    def confirm(first: str, second: str, *turn: int) -> bool:
        image = _gray(root, first, max_pixels)
        return is_same_image(image, turn_image(_gray(root, second, max_pixels), *turn))

    return confirm_each(confirm, pairs)


def confirm_each(confirm: Callable[..., bool], pairs: Iterable[Sequence[str | int]]) -> list[bool]:
    """Return `confirm(*pair)` for each pair; False also where a file can't be read any more."""
    confirmed = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for pair in pairs:
            try:
                confirmed.append(confirm(*pair))
            except Exception:  # noqa: BLE001 - decoders raise anything on bytes that changed
                confirmed.append(False)
    return confirmed


def is_same_image(first: Image.Image, second: Image.Image) -> bool:
    """Return whether two images of mode L are the same image, saved twice."""
    size = min(first.size, second.size, key=lambda side: side[0] * side[1])
    a, b = (
        np.asarray(
            image if image.size == size else image.resize(size, Image.Resampling.BOX),
            dtype=np.float32,
        )
        for image in (first, second)
    )
    # Brightness is the difference of the means, contrast the least-squares gain from b to a.
    offset = float(abs(a.mean() - b.mean()))
    a, b = a - a.mean(), b - b.mean()
    gain = float((a * b).sum() / max(float((b * b).sum()), 1e-6))
    if offset > MAX_OFFSET or not 1 / MAX_GAIN <= gain <= MAX_GAIN:
        return False
    height, width = a.shape
    down, across = (area_weights(side, _parts(side)) for side in (height, width))
    # The worst part decides: averaged over the whole image a scratch would disappear.
    parts = down @ (a - gain * b) ** 2 @ across.T
    return bool(parts.max() <= MAX_DIFFERENCE**2)


def _parts(side: int) -> int:
    return min(MAX_PARTS, max(1, side // PART_SIDE))


@functools.lru_cache(maxsize=CACHED_IMAGES)
def _gray(root: str, path: str, max_pixels: int) -> Image.Image:
    # Gray before it is scaled: three channels would cost three times as much.
    return _scaled(_displayed(root, path, max_pixels, MAX_SIDE).convert("L"), MAX_SIDE)


def small_image(root: str, path: str, max_pixels: int, side: int) -> Image.Image:
    """Return a file's image as a viewer shows it, in mode L or RGB.

    Args:
        root: folder the path is relative to.
        path: relative POSIX path.
        max_pixels: an image that declares more is not expanded.
        side: pixels; a larger image is scaled down to it.
    """
    return _scaled(_displayed(root, path, max_pixels, side), side)


def _displayed(root: str, path: str, max_pixels: int, side: int) -> Image.Image:
    data = Path(root, path).read_bytes()
    with open_image(data, max_pixels=max_pixels) as opened:
        # JPEG can decode large files at a fraction of their size, which is much faster.
        opened.draft(None, (side, side))
        return show_opened(opened, data)


def _scaled(image: Image.Image, side: int) -> Image.Image:
    if max(image.size) > side:
        image.thumbnail((side, side), Image.Resampling.BOX)
    return image
