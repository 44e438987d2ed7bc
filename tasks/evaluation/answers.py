"""A model's answers as a table, one row per image; imports no model library.

The columns are named here once for evaluation, model gate, registry, reports and predictions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tasks.inventory.columns import SHA256
from tasks.storage.atomic import write_parquet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tasks.models.contract import InputContract

PREDICTED = "predicted"
PROBABILITY = "probability"
# Of every class for every test image, by content; beside the predictions.
PROBABILITIES_FILE = "probabilities.parquet"
# What the columns of its classes begin with, of which one may be called sha256.
CLASS = "class "


def class_probabilities(outputs: np.ndarray, contract: InputContract) -> np.ndarray:
    """Return the probability of each class for each image.

    Args:
        outputs: of the model, (images, outputs) float32 in [0, 1].
        contract: the meaning of these outputs.

    Returns:
        (images, classes) float32, in the order of the contract's classes.
    """
    if contract.class_mode != "binary":
        return outputs
    # A sigmoid's only output is the probability of the second class.
    return np.concatenate([1 - outputs, outputs], axis=1)


def best_answers(
    probabilities: np.ndarray, classes: Sequence[str], *, top: int = 1
) -> pd.DataFrame:
    """Return the most probable classes of each image, and their probabilities.

    Args:
        probabilities: (images, classes) float in [0, 1].
        classes: their labels.
        top: how many; all of them if there are fewer.

    Returns:
        A frame with predicted (label) and probability (of that label), predicted_2 and
        probability_2 and so on; one row per image.
    """
    labels = np.asarray(classes, dtype=object)
    # Stable, so that equal probabilities name the class that argmax would.
    ranked = np.argsort(-probabilities, axis=1, kind="stable")
    columns: dict[str, np.ndarray] = {}
    for rank, suffix in enumerate(rank_suffixes(classes, top)):
        best = ranked[:, rank]
        columns[PREDICTED + suffix] = labels[best]
        of_best = np.take_along_axis(probabilities, best[:, None], axis=1)
        columns[PROBABILITY + suffix] = of_best[:, 0].astype("float64")
    return pd.DataFrame(columns)


def rank_suffixes(classes: Sequence[str], top: int) -> list[str]:
    """Return what the columns of each rank end with: nothing for the first, then _2, _3, ..."""
    return ["", *(f"_{rank}" for rank in range(2, min(top, len(classes)) + 1))]


def write_probabilities(file: Path, probabilities: pd.DataFrame) -> Path:
    """Write the probabilities of images, by content.

    Args:
        file: to write.
        probabilities: one row per image, its SHA-256 as index, a float32 column per class.
    """
    table = probabilities.add_prefix(CLASS).rename_axis(SHA256).reset_index()
    return write_parquet(file, table)


def read_probabilities(file: Path) -> pd.DataFrame:
    """Read what `write_probabilities` wrote."""
    table = pd.read_parquet(file).set_index(SHA256)
    return table.rename(columns=lambda name: name.removeprefix(CLASS))
