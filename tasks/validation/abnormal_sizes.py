"""Sizes of images go in; what is abnormal about some of them comes out, in words.

Where sizes differ by nature, a fixed list of them would reject most of the files. What still tells
a mistake from a photograph of another camera is its distance from the others: a side or a ratio of
sides far outside the middle 90%, measured in widths of that range on a logarithmic scale (Tukey's
fences, on quantiles that half of the files can share).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tasks.inventory.columns import HEIGHT, WIDTH
from tasks.inventory.input_choice import NEARLY_ALL

if TYPE_CHECKING:
    from collections.abc import Iterator

MIDDLE = (0.05, 0.95)
# A range of less than this factor counts as this wide: equal sides would make any other abnormal.
LEAST_FACTOR = 1.5
# An image that is smaller than the model's input is worth less to begin with.
FAR_BELOW_INPUT = 0.2
# Pixels: an image of this side has enough to tell, however far a large input enlarges it.
LARGEST_SMALL = 96
# Less than this share of the input, or of the typical side, shows nothing when it is enlarged.
LEAST_SHARE = 0.2
# Panoramas and screens of phones. What is narrower is stretched beyond recognition, so that less of
# a distance from the others makes it abnormal.
MAX_RATIO, FAR_ABOVE_RATIO = 5.0, 0.4


def have_one_size(sizes: pd.Series) -> bool:
    """Return whether nearly all images have one size, so that the others are mistakes."""
    counts = sizes.value_counts()
    return len(counts) > 0 and bool(counts.iloc[0] >= NEARLY_ALL * counts.sum())


def describe_sizes(images: pd.DataFrame) -> str:
    """Return how many sizes there are, and the shortest and longest sides: one phrase.

    Args:
        images: height and width, pixels; not known of files that can't be read.
    """
    known = images[[HEIGHT, WIDTH]].dropna()
    if known.empty:
        return "no sizes"
    sides = known.to_numpy("int64")
    count = len(known.drop_duplicates())
    shown = "pixels" if sides.min() == sides.max() else f"to {sides.max()} pixels"
    return f"{count} size{'s' * (count > 1)}, {sides.min()} {shown}"


def abnormal_sizes(images: pd.DataFrame, *, input_side: int, far: float) -> pd.Series:
    """Return what is abnormal about the size of each image, None where nothing is.

    Args:
        images: height and width, pixels; not known of files that can't be read.
        input_side: the shorter side of the model's input, pixels.
        far: how far outside the middle 90% is abnormal, in widths of that range.

    Returns:
        Text, indexed as the images.
    """
    problems = pd.Series(None, index=images.index, dtype="object")
    known = images[[HEIGHT, WIDTH]].dropna()
    if known.empty:
        return problems
    height, width = known.to_numpy("float64").T
    for is_abnormal, reason in _problems(height, width, input_side, far):
        rows = known.index[is_abnormal]
        # The first problem is the one that is named.
        rows = rows[problems[rows].isna()]
        sizes = known.loc[rows, HEIGHT].astype("str") + "x" + known.loc[rows, WIDTH].astype("str")
        problems[rows] = [f"{reason} ({size})" for size in sizes]
    return problems


def _problems(
    height: np.ndarray, width: np.ndarray, input_side: int, far: float
) -> Iterator[tuple[np.ndarray, str]]:
    """Yield which images have a problem, (images,) bool, and the problem in words."""
    short, long = np.minimum(height, width), np.maximum(height, width)
    below, _ = _distances(short)
    side = min(input_side, LARGEST_SMALL)
    least = LEAST_SHARE * min(side, float(np.median(short)))
    is_small = (short < side) & (below > far * FAR_BELOW_INPUT)
    yield is_small | (short < least), f"far below the model's input of {input_side} pixels"
    yield below > far, "far smaller than the others"
    ratio = long / short
    is_narrow = (_distances(ratio)[1] > far * FAR_ABOVE_RATIO) & (ratio > MAX_RATIO)
    yield is_narrow & (width > height), "extremely wide"
    yield is_narrow, "extremely high"
    yield _distances(long)[1] > far, "far larger than the others"


def _distances(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how far each value lies below and above the middle 90%, in widths of that range."""
    logs = np.log(values)
    low, high = np.quantile(logs, MIDDLE)
    spread = max(high - low, math.log(LEAST_FACTOR))
    return (low - logs) / spread, (logs - high) / spread
