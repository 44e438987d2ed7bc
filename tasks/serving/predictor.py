"""Image files and a store go in; the champion's labels for each file come out."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tasks.evaluation.answers import best_answers, class_probabilities
from tasks.inventory.columns import ERROR, PATH
from tasks.runtime.parallel import map_chunks
from tasks.runtime.progress import track
from tasks.serving.answering import open_champion
from tasks.serving.given_files import expand_given, refuse_all_missing
from tasks.serving.input_notes import decode_with_notes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from tasks.models.contract import InputContract
    from tasks.registry.mlflow_store import ModelStore
    from tasks.serving.answering import Answering
    from tasks.serving.given_files import GivenFile
    from tasks.serving.input_notes import Decoded

NOTE = "note"
# What is decoded before one call of the model, and in memory together: files, and bytes of pixels.
BATCH, BATCH_BYTES = 512, 32 * 2**20


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


def predict_files(
    images: Sequence[Path], store: ModelStore, *, max_pixels: int, top: int = 1
) -> pd.DataFrame:
    """Predict the class of each image with the model in production.

    Args:
        images: image files, and folders whose images are predicted.
        store: of the model.
        max_pixels: an image that declares more is not decoded.
        top: how many classes are named for each image, the most probable first.

    Returns:
        A frame with path, predicted, probability, note and error, one row per file; with a `top`
        above 1 also predicted_2, probability_2 and so on, after probability. The note says what was
        done to an image that is of another kind than the model's input. A file that can't be read,
        or is no image, a path that doesn't exist and a folder without files have only their path
        and the reason.

    Raises:
        UsageError: not one of the paths exists.
        NoChampionError: no model is in production.
    """
    refuse_all_missing(images)
    files = expand_given(images)
    return answer_files(files, open_champion(store), max_pixels=max_pixels, top=top)


def answer_files(
    files: Sequence[GivenFile], model: Answering, *, max_pixels: int, top: int = 1
) -> pd.DataFrame:
    """Predict files with a model that is loaded; see `predict_files`."""
    batches = decode_files(files, model.contract, max_pixels)
    return pd.concat(_predict_each(batches, model, top), ignore_index=True)


def _predict_each(
    batches: Iterable[DecodedFiles], model: Answering, top: int
) -> Iterator[pd.DataFrame]:
    """Yield the rows of each batch; it is answered while the next one is decoded."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        before: Future[pd.DataFrame] | None = None
        for decoded in batches:
            answered = thread.submit(_predict, decoded, model, top)
            if before is not None:
                yield before.result()
            before = answered
        if before is not None:
            yield before.result()


def _predict(decoded: DecodedFiles, model: Answering, top: int) -> pd.DataFrame:
    contract, table = model.contract, decoded.table
    probabilities = np.empty((0, len(contract.classes)), np.float32)
    if len(decoded.images):
        probabilities = class_probabilities(model.ask(decoded.images), contract)
    answers = best_answers(probabilities, contract.classes, top=top)
    answers.index = table.index[table[ERROR].isna()]
    return table.join(answers)[[PATH, *answers.columns, NOTE, ERROR]]


def decode_files(
    files: Sequence[GivenFile], contract: InputContract, max_pixels: int
) -> Iterator[DecodedFiles]:
    """Yield files as a contract asks for, some hundred at a time; whatever they hold.

    Not in this process: one that crashes its decoder has a row with the signal.
    """
    size = max(1, min(BATCH, BATCH_BYTES // math.prod(contract.shape)))
    batches = [files[start : start + size] for start in range(0, len(files), size)]
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
