"""Image files and a store go in; the champion's label for each file comes out."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras
import numpy as np
import pandas as pd

from tasks.evaluation.evaluate import PREDICTED, PROBABILITY, predict_labels
from tasks.inventory.columns import ERROR, PATH
from tasks.registry.champion import require_champion
from tasks.runtime.parallel import map_chunks
from tasks.runtime.progress import track
from tasks.serving.given_files import expand_given, refuse_all_missing
from tasks.serving.input_notes import decode_with_notes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tasks.models.contract import InputContract
    from tasks.registry.mlflow_store import ModelStore
    from tasks.serving.given_files import GivenFile
    from tasks.serving.input_notes import Decoded

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
    tables = [
        _predict(decoded, model, champion.contract)
        for decoded in decode_files(files, champion.contract, max_pixels)
    ]
    return pd.concat(tables, ignore_index=True)


def decode_files(
    files: Sequence[GivenFile], contract: InputContract, max_pixels: int
) -> Iterator[DecodedFiles]:
    """Yield files as a contract asks for, some hundred at a time; whatever they hold.

    Not in this process: one that crashes its decoder has a row with the signal.
    """
    batches = [files[start : start + BATCH] for start in range(0, len(files), BATCH)]
    calls = [(contract, batch, max_pixels) for batch in batches]
    decoded = map_chunks(
        decode_with_notes, calls, total=len(files), workers=None, lost=_without_image
    )
    results = itertools.chain.from_iterable(track(decoded, total=len(files), description="predict"))
    for batch in batches:
        yield _stacked(batch, list(itertools.islice(results, len(batch))), contract)


def _without_image(_file: object, signal: str) -> list[Decoded]:
    return [(None, None, f"reading it ended the process ({signal})")]


def _stacked(
    files: Sequence[GivenFile], decoded: Sequence[Decoded], contract: InputContract
) -> DecodedFiles:
    images = [image for image, _, _ in decoded if image is not None]
    rows = [(file.name, note, error) for file, (_, note, error) in zip(files, decoded, strict=True)]
    stack = np.stack(images) if images else np.empty((0, *contract.shape), np.uint8)
    return DecodedFiles(stack, pd.DataFrame(rows, columns=[PATH, NOTE, ERROR], dtype="object"))


def _predict(decoded: DecodedFiles, model: keras.Model, contract: InputContract) -> pd.DataFrame:
    table = decoded.table
    predictions = pd.DataFrame({PREDICTED: [], PROBABILITY: []})
    if len(decoded.images):
        predictions = predict_labels(model, contract, decoded.images)
    predictions.index = table.index[table[ERROR].isna()]
    return table.join(predictions)[[PATH, PREDICTED, PROBABILITY, NOTE, ERROR]]
