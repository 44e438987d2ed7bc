"""Image files and a store go in; the champion's label for each file comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras
import numpy as np
import pandas as pd

from tasks.evaluation.evaluate import PREDICTED, PROBABILITY, predict_labels
from tasks.inventory.columns import ERROR, PATH
from tasks.registry.champion import require_champion
from tasks.runtime.progress import track
from tasks.serving.given_files import GivenFile, expand_given, refuse_all_missing
from tasks.serving.input_notes import decode_with_note

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tasks.models.contract import InputContract
    from tasks.registry.mlflow_store import ModelStore

NOTE = "note"
# Files that are decoded before one call of the model; their pixels are in memory together.
BATCH = 512


@dataclass(frozen=True)
class DecodedFiles:
    """Files that are ready for a model.

    Attributes:
        images: (images, height, width, channels) uint8, of the files that could be read.
        table: path, note (what was done to fit the model, or None) and error (why it can't be
            read, or None); one row per file.
    """

    images: np.ndarray
    table: pd.DataFrame


def predict_files(images: Sequence[Path], store: ModelStore, *, max_pixels: int) -> pd.DataFrame:
    """Predict the class of each image with the model in production.

    Args:
        images: image files, and folders whose images are predicted.
        store: of the model.
        max_pixels: an image that declares more is not decoded.

    Returns:
        A frame with path, predicted, probability, note and error, one row per file. The note says
        what was done to an image that is of another kind than the model's input. A file that can't
        be read, or is no image, a path that doesn't exist and a folder without files have only
        their path and the reason.

    Raises:
        UsageError: not one of the paths exists.
        NoChampionError: no model is in production.
    """
    refuse_all_missing(images)
    files = expand_given(images)
    champion = require_champion(store)
    model = keras.saving.load_model(champion.file)
    batches = [files[start : start + BATCH] for start in range(0, len(files), BATCH)]
    tables = [
        _predict(decode_files(batch, champion.contract, max_pixels), model, champion.contract)
        for batch in track(batches, total=len(files), description="predict")
    ]
    return pd.concat(tables, ignore_index=True)


def decode_files(
    files: Sequence[GivenFile], contract: InputContract, max_pixels: int
) -> DecodedFiles:
    """Decode files as a contract asks for; whatever they hold, nothing is raised."""
    images: list[np.ndarray] = []
    rows: list[tuple[str, str | None, str | None]] = []
    for file in files:
        image, note, error = decode_with_note(file, contract, max_pixels)
        rows.append((file.name, note, error))
        if image is not None:
            images.append(image)
    stack = np.stack(images) if images else np.empty((0, *contract.shape), np.uint8)
    return DecodedFiles(stack, pd.DataFrame(rows, columns=[PATH, NOTE, ERROR], dtype="object"))


def _predict(decoded: DecodedFiles, model: keras.Model, contract: InputContract) -> pd.DataFrame:
    table = decoded.table
    predictions = pd.DataFrame({PREDICTED: [], PROBABILITY: []})
    if len(decoded.images):
        predictions = predict_labels(model, contract, decoded.images)
    predictions.index = table.index[table[ERROR].isna()]
    return table.join(predictions)[[PATH, PREDICTED, PROBABILITY, NOTE, ERROR]]
