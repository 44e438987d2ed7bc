"""Embeddings go in; their positions along a few axes, by which drift is judged, come out.

The axes are those along which the accepted images differ most: their principal components, kept
with the baseline. What changes the look of many images moves them along some axes or away from all
of them, though neither their brightness nor their sharpness may have changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tasks.inventory.columns import readable

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.inventory.embeddings import Embeddings

AXES, FOLDS = 4, 5
# The last one is the distance from all axes.
POSITIONS = (*(f"embedding_axis_{number}" for number in range(1, AXES + 1)), "embedding_off_axes")
FILE = "axes.npz"


@dataclass(frozen=True)
class Axes:
    """Directions in the space of embeddings.

    Attributes:
        mean: (1280,) float32, the position of 0.
        directions: (AXES, 1280) float32, of length 1.
    """

    mean: np.ndarray
    directions: np.ndarray

    @classmethod
    def fit(cls, features: np.ndarray) -> Axes:
        """Find the axes along which embeddings, (images, 1280) float32, differ most."""
        from sklearn.decomposition import PCA

        found = PCA(AXES, random_state=0).fit(features)
        return cls(found.mean_.astype("float32"), found.components_.astype("float32"))

    @classmethod
    def load(cls, folder: Path) -> Axes:
        """Read what `save` wrote."""
        with np.load(folder / FILE) as arrays:
            return cls(arrays["mean"], arrays["directions"])

    def save(self, folder: Path) -> None:
        """Write them to a file in a folder."""
        np.savez(folder / FILE, mean=self.mean, directions=self.directions)

    def place(self, features: np.ndarray) -> np.ndarray:
        """Return (images, POSITIONS) float32: the positions of embeddings."""
        centred = features - self.mean
        along = centred @ self.directions.T
        return np.column_stack([along, np.linalg.norm(centred - along @ self.directions, axis=1)])

    def positions(self, inventory: pd.DataFrame, embeddings: Embeddings) -> pd.DataFrame:
        """Return a column for each position, indexed as the inventory; NaN without an embedding."""
        rows = readable(inventory[embeddings.known])
        return _as_columns(self.place(embeddings.of(inventory, rows)), rows, inventory)


def fit_axes(inventory: pd.DataFrame, embeddings: Embeddings) -> tuple[Axes | None, pd.DataFrame]:
    """Find the axes of an inventory; None where hardly any image has an embedding.

    Returns:
        The axes, and the positions as `Axes.positions` returns them, but for the distances from
        all axes: those are measured from axes that were found without the image in question, as
        they would be too small beside those of later images.
    """
    rows = readable(inventory[embeddings.known])
    if len(rows) < FOLDS * AXES:
        return None, pd.DataFrame(index=inventory.index)
    features = embeddings.of(inventory, rows)
    axes = Axes.fit(features)
    placed = axes.place(features)
    fold = np.random.default_rng(0).permutation(len(rows)) % FOLDS
    for number in range(FOLDS):
        others = Axes.fit(features[fold != number])
        placed[fold == number, -1] = others.place(features[fold == number])[:, -1]
    return axes, _as_columns(placed, rows, inventory)


def _as_columns(placed: np.ndarray, rows: pd.DataFrame, inventory: pd.DataFrame) -> pd.DataFrame:
    columns = pd.DataFrame(placed.astype("float64"), index=rows.index, columns=list(POSITIONS))
    return columns.reindex(inventory.index)
