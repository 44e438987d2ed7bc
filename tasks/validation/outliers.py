"""An inventory and its embeddings go in; the images that show something else come out, worst first.

A dog among shoes looks like no other image of the set: its nearest neighbours are far, by what is
usual for the images of its class. A shoe among dresses is no outlier but a wrong label, which
`label_errors` finds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tasks.embedding.cosines import cosines_to_others
from tasks.inventory.columns import LABEL, PATH, readable

if TYPE_CHECKING:
    from tasks.inventory.embeddings import Embeddings

DISTANCE = "distance"
# Of an image to as many others: so that a handful of strange images don't vouch for each other.
NEIGHBOURS = 10
# With fewer images what is usual is not known.
MIN_IMAGES, MIN_PER_CLASS = 100, 20
# Of normally distributed values, the standard deviation is this many median deviations.
NORMAL = 1.4826
LEAST_SPREAD = 1e-3


def find_outliers(
    inventory: pd.DataFrame, embeddings: Embeddings | None, *, far: float
) -> pd.DataFrame | None:
    """Find the images that are farther from all others than is usual in their class.

    Args:
        inventory: readable rows with a label and an embedding are judged.
        embeddings: those of the inventory; None where images are not embedded.
        far: the least distance of an outlier.

    Returns:
        path, label and distance, the farthest first: to its nearest neighbours in the whole set, in
        standard deviations from the median of its class. None where there are too few images.
    """
    if embeddings is None:
        return None
    rows = readable(inventory[embeddings.known])
    if len(rows) < MIN_IMAGES:
        return None
    apart = pd.Series(_apart(embeddings.of(inventory, rows)), index=rows.index)
    median, spread = _usual(apart, rows[LABEL])
    measured = rows[[PATH, LABEL]].assign(**{DISTANCE: (apart - median) / spread})
    outliers = measured[measured[DISTANCE] >= far]
    return outliers.sort_values(DISTANCE, ascending=False, ignore_index=True)


def _apart(features: np.ndarray) -> np.ndarray:
    """Return (images,): the mean distance of each image to its nearest neighbours, as 1 - cosine.

    Args:
        features: (images, 1280) float32, normalized.
    """
    apart = np.empty(len(features))
    for start, cosines in cosines_to_others(features):
        nearest = -np.partition(-cosines, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        apart[start : start + len(cosines)] = 1 - nearest.mean(axis=1)
    return apart


def _usual(apart: pd.Series, labels: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return median and spread of each image's class; of all images where its class is small."""
    large = labels.groupby(labels).transform("size") >= MIN_PER_CLASS
    group = labels.where(large, "")
    median = apart.groupby(group).transform("median").where(large, apart.median())
    deviation = (apart - median).abs()
    spread = deviation.groupby(group).transform("median").where(large, deviation.median())
    return median, (NORMAL * spread).clip(LEAST_SPREAD)
