"""Embeddings go in; their positions along a few axes, by which drift is judged, come out.

The axes are those along which the accepted images differ most: their principal components, kept
with the baseline. What changes the look of many images moves their positions along some of them,
though neither their brightness nor their sharpness may have changed.
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

AXES = 4
FILE = "axes.npz"


def axis_names() -> list[str]:
    """Return the names of the columns that hold positions."""
    return [f"embedding_axis_{number}" for number in range(1, AXES + 1)]


@dataclass(frozen=True)
class Axes:
    """Directions in the space of embeddings.

    Attributes:
        mean: (1280,) float32, the position of 0.
        directions: (AXES, 1280) float32, of length 1.
    """

    mean: np.ndarray
    directions: np.ndarray

    def save(self, folder: Path) -> None:
        """Write them to a file in a folder."""
        np.savez(folder / FILE, mean=self.mean, directions=self.directions)

    @classmethod
    def load(cls, folder: Path) -> Axes:
        """Read what `save` wrote."""
        with np.load(folder / FILE) as arrays:
            return cls(arrays["mean"], arrays["directions"])

    def positions(self, inventory: pd.DataFrame, embeddings: Embeddings) -> dict[str, pd.Series]:
        """Return a column for each axis, float64; NaN for images without an embedding."""
        rows = readable(inventory[embeddings.known])
        along = (embeddings.of(inventory, rows) - self.mean) @ self.directions.T
        return {
            name: pd.Series(along[:, axis], index=rows.index, dtype="float64").reindex(
                inventory.index
            )
            for axis, name in enumerate(axis_names())
        }


def fit_axes(inventory: pd.DataFrame, embeddings: Embeddings) -> Axes | None:
    """Find the axes of an inventory; None where hardly any image has an embedding."""
    from sklearn.decomposition import PCA

    rows = readable(inventory[embeddings.known])
    if len(rows) <= AXES:
        return None
    features = embeddings.of(inventory, rows)
    found = PCA(AXES, random_state=0).fit(features)
    return Axes(found.mean_.astype("float32"), found.components_.astype("float32"))
