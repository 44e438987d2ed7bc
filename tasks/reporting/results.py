"""A training and an evaluation go in; PNG files of their results come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    from pathlib import Path

    from tasks.evaluation.evaluate import Evaluation
    from tasks.generators.inputs import Inputs


def draw_training(history: Path, folder: Path) -> Path:
    """Draw the learning curves of a training, from its history CSV, to `folder`/history.png."""
    return draw_history(pd.read_csv(history), folder / "history.png")


def draw_evaluation(
    evaluation: Evaluation, mistakes: pd.DataFrame, inputs: Inputs, folder: Path
) -> list[Path]:
    """Draw the confusion matrix, the reliability diagram and the worst mistakes.

    Args:
        evaluation: of the new model.
        mistakes: rows of path, label, predicted and probability.
        inputs: the images.
        folder: gets confusion.png, reliability.png and, if there are mistakes, mistakes.png.
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
    return [
        *files,
        draw_mistakes(pixels_of(inputs.pixels, rows), captions, folder / "mistakes.png"),
    ]
