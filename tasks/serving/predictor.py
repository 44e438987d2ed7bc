"""Image files and a store go in; the champion's label for each file comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
import pandas as pd

from tasks.errors import DataFolderError
from tasks.evaluation.evaluate import PREDICTED, PROBABILITY, predict_labels
from tasks.generators.decoding import decoding_of
from tasks.inventory.columns import ERROR, PATH
from tasks.inventory.image_file import error_reason
from tasks.inventory.listing import list_files
from tasks.registry.champion import require_champion
from tasks.runtime.progress import track

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tasks.models.contract import InputContract
    from tasks.registry.mlflow_store import ModelStore

# Files that are decoded before one call of the model; their pixels are in memory together.
BATCH = 512


def predict_files(images: Sequence[Path], store: ModelStore, *, max_pixels: int) -> pd.DataFrame:
    """Predict the class of each image with the model in production.

    Args:
        images: image files, and folders whose images are predicted.
        store: of the model.
        max_pixels: an image that declares more is not decoded.

    Returns:
        A frame with path, predicted, probability and error, one row per file; a file that can't be
        read, or is no image, has only its path and the reason.

    Raises:
        DataFolderError: there is no such file or folder, or a folder has no images.
        NoChampionError: no model is in production.
    """
    expanded = [pair for image in images for pair in _expanded(image)]
    champion = require_champion(store)
    model = keras.saving.load_model(champion.file)
    batches = [expanded[start : start + BATCH] for start in range(0, len(expanded), BATCH)]
    tables = [
        _predict(batch, model, champion.contract, max_pixels)
        for batch in track(batches, total=len(expanded), description="predict")
    ]
    return pd.concat(tables, ignore_index=True)


def _expanded(image: Path) -> list[tuple[Path, str | None]]:
    """Return the file, or the files of a folder, each with the reason why it is no image."""
    if image.is_dir():
        listing = list_files(image)
        reasons = dict(zip(listing.passed_over, listing.reasons, strict=True))
        if not listing.paths and not reasons:
            raise DataFolderError(f"No images under {image}.")
        return [(image / path, reasons.get(path)) for path in sorted([*listing.paths, *reasons])]
    if not image.exists():
        raise DataFolderError(f"No such image or folder: {image}.")
    return [(image, None)]


def _predict(
    files: Sequence[tuple[Path, str | None]],
    model: keras.Model,
    contract: InputContract,
    max_pixels: int,
) -> pd.DataFrame:
    images: list[np.ndarray] = []
    errors: list[str | None] = []
    for file, reason in files:
        if reason is not None:
            errors.append(reason)
            continue
        try:
            images.append(_decode(file, contract, max_pixels))
            errors.append(None)
        except Exception as error:  # noqa: BLE001 - decoders raise anything on damaged bytes
            errors.append(error_reason(error))
    table = pd.DataFrame({PATH: [str(file) for file, _ in files], ERROR: errors})
    read = table[ERROR].isna()
    predictions = pd.DataFrame({PREDICTED: [], PROBABILITY: []})
    if images:
        predictions = predict_labels(model, contract, np.stack(images))
    predictions.index = table.index[read]
    return table.join(predictions)[[PATH, PREDICTED, PROBABILITY, ERROR]]


def _decode(file: Path, contract: InputContract, max_pixels: int) -> np.ndarray:
    # Opening a pipe would wait for ever for somebody to write to it.
    if not file.is_file():
        raise ValueError("not a regular file (a pipe, socket or device); not opened")
    return decoding_of(contract).decode(file.read_bytes(), max_pixels)
