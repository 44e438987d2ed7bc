"""Pairs of images go in; whether they are more alike than others of their class comes out.

Two warped copies of one source differ in every pixel, and no measure tells a single pair of them
from two photographs of one scene. Many pairs together can be judged: by how many pairs of other
images of the same class each of them exceeds.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tasks.inventory.columns import LABEL, THUMBNAIL
from tasks.inventory.duplicates import similarity, thumbnails_of
from tasks.inventory.features import GRAY_SIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    Pairs = Sequence[tuple[int, int]]

MAX_PAIRS = 2_000
# Copies warped by up to 25 degrees, sheared, shifted, cropped to 60% or turned exceed 76% of the
# other pairs on MNIST, 89% on the clothing photographs and 97% on CIFAR-10.
# The least share, and how far it must be from that of chance, in standard deviations of a mean of
# so many numbers between 0 and 1.
LIKELY_ENOUGH, SURE_OF = (0.65, 2.4), (0.72, 5.0)
DEVIATION = 1 / math.sqrt(12)
# How much a difference of colours, and of the gray values in their order, counts.
COLOR_SCALE, GRAY_SCALE = 32.0, 64.0


class Likeness:
    """Compares the thumbnails of an inventory.

    Args:
        inventory: label and thumbnail.
    """

    def __init__(self, inventory: pd.DataFrame) -> None:
        self._labels = inventory[LABEL].to_numpy(object)
        self._thumbnails = inventory[THUMBNAIL]

    def exceeds_chance(self, pairs: Pairs, *, surely: bool = False) -> bool:
        """Return whether pairs are more alike than others of their class.

        Args:
            pairs: row numbers of two images of one class; pairs that can't be read don't count.
            surely: whether nothing else says that they belong together.
        """
        least_share, deviations = SURE_OF if surely else LIKELY_ENOUGH
        random = np.random.default_rng(0)
        chosen = self._readable(np.array(pairs, int).reshape(-1, 2))
        if len(chosen) > MAX_PAIRS:
            chosen = chosen[np.sort(random.choice(len(chosen), MAX_PAIRS, replace=False))]
        others = self._readable(self._others(chosen, random))
        if not len(chosen) or not len(others):
            return False
        likeness, usual = self._compare(chosen), np.sort(self._compare(others))
        share = float(np.mean(np.searchsorted(usual, likeness) / len(usual)))
        needed = 0.5 + deviations * DEVIATION / math.sqrt(len(chosen))
        return share >= max(least_share, min(needed, 1.0))

    def _others(self, pairs: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Return pairs of other images of the same classes, as many of each."""
        members = {
            label: np.flatnonzero(self._labels == label) for label in set(self._labels[pairs[:, 0]])
        }
        of_pair = [members[self._labels[first]] for first in pairs[:, 0]]
        repeats = max(1, MAX_PAIRS // max(1, len(pairs)))
        drawn = [random.choice(rows, (repeats, 2)) for rows in of_pair if len(rows) > 2]  # noqa: PLR2004 - another pair
        known = {tuple(sorted(pair)) for pair in pairs.tolist()}
        return np.array(
            [
                pair
                for pair in np.concatenate([np.empty((0, 2), int), *drawn]).tolist()
                if pair[0] != pair[1] and tuple(sorted(pair)) not in known
            ],
            int,
        ).reshape(-1, 2)

    def _readable(self, pairs: np.ndarray) -> np.ndarray:
        is_known = self._thumbnails.notna().to_numpy()
        known: np.ndarray = pairs[is_known[pairs].all(axis=1)]
        return known

    def _compare(self, pairs: np.ndarray) -> np.ndarray:
        """Return how alike the images of each pair are, whichever way one of them is turned."""
        first, second = (thumbnails_of(self._thumbnails.iloc[side].to_frame()) for side in pairs.T)
        gray, color = similarity(first, second)
        for turned in _turned(second):
            gray = np.maximum(gray, similarity(first, turned)[0])
        ordered = [np.sort(side[:, : GRAY_SIDE**2].astype(np.int16)) for side in (first, second)]
        distance = np.abs(ordered[0] - ordered[1]).mean(axis=1)
        likeness: np.ndarray = gray - color / COLOR_SCALE - distance / GRAY_SCALE
        return likeness


def _turned(thumbs: np.ndarray) -> list[np.ndarray]:
    """Return thumbnails turned and mirrored in the seven ways there are; colours stay."""
    gray = thumbs[:, : GRAY_SIDE**2].reshape(-1, GRAY_SIDE, GRAY_SIDE)
    colors = thumbs[:, GRAY_SIDE**2 :]
    sides = (gray, gray[:, :, ::-1])
    ways = [np.rot90(side, turns, (1, 2)) for side in sides for turns in range(4)]
    return [np.hstack([way.reshape(len(thumbs), -1), colors]) for way in ways[1:]]
