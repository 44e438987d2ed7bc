"""A training and an evaluation go in; PNG files of their results come out."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tasks.evaluation.answers import PREDICTED, PROBABILITY
from tasks.generators.pipelines import pixels_of
from tasks.inventory.columns import LABEL, PATH
from tasks.reporting.figures import (
    draw_confusion,
    draw_history,
    draw_mistakes,
    draw_reliability,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tasks.evaluation.evaluation_record import Evaluation
    from tasks.generators.inputs import Inputs

log = logging.getLogger("pixelgate")


def draw_training(history: Path, folder: Path) -> Path:
    """Draw the learning curves of a training, from its history CSV, to `folder`/history.png."""
    return draw_history(pd.read_csv(history), folder / "history.png")


def draw_evaluation(
    evaluation: Evaluation, mistakes: pd.DataFrame, inputs: Inputs, folder: Path, *, model: Path
) -> list[Path]:
    """Draw the confusion matrix, the reliability diagram and the worst mistakes.

    Args:
        evaluation: of the new model.
        mistakes: rows of path, label, predicted and probability.
        inputs: the images.
        folder: gets confusion.png, reliability.png and, if there are mistakes, mistakes.png and
            seen.png: the same images, and where the model saw the class it named.
        model: .keras file of the new model.
    """
    files = [draw_confusion(evaluation.confusion, evaluation.classes, folder / "confusion.png")]
    if evaluation.reliability:
        files.append(draw_reliability(evaluation.reliability, folder / "reliability.png"))
    if mistakes.empty:
        return files
    index = pd.read_parquet(inputs.index, columns=[PATH])
    # The decoded pixels have the order of the index, not that of the mistakes.
    rows = pd.Index(index[PATH]).get_indexer(pd.Index(mistakes[PATH]))
    captions = [
        f"{label} read as {predicted}\n{probability:.0%}"
        for label, predicted, probability in mistakes[[LABEL, PREDICTED, PROBABILITY]].itertuples(
            index=False
        )
    ]
    images = pixels_of(inputs.pixels, rows)
    files.append(draw_mistakes(images, captions, folder / "mistakes.png"))
    heat = _heat_of(model, images, mistakes[PREDICTED], inputs.contract.classes)
    if heat is not None:
        files.append(draw_mistakes(images, captions, folder / "seen.png", heat=heat))
    return files


def _heat_of(
    model: Path, images: np.ndarray, predicted: pd.Series, classes: Sequence[str]
) -> np.ndarray | None:
    import keras

    from tasks.evaluation.grad_cam import see_class

    outputs = np.array([classes.index(label) for label in predicted])
    try:
        return see_class(keras.saving.load_model(model), images, outputs)
    except Exception as error:  # noqa: BLE001 - a user's own layers may raise anything
        log.info("where the model saw its mistakes can't be drawn: %s", error)
        return None
