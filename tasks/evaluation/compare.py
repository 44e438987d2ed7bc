"""Challenger and champion go in; what both answer on the same test images comes out.

Finished evaluations are kept by key, so that a run that was cut short after one takes it over.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.errors import PixelgateError
from tasks.evaluation.evaluate import Evaluation, evaluate_model
from tasks.runs.result_store import copy_result, stale_folders
from tasks.storage.atomic import atomic_folder, read_json

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from tasks.config.schema import RetrainConfig
    from tasks.models.contract import InputContract

    Evaluations = tuple[Evaluation, Evaluation | None]

PREDICTIONS, CHAMPION_PREDICTIONS = "predictions.parquet", "champion_predictions.parquet"
KEPT = 4


@dataclass(frozen=True)
class Contender:
    """A model to evaluate.

    Attributes:
        file: .keras file.
        contract: what it must be fed and what it answers.
    """

    file: Path
    contract: InputContract


def evaluate_both(
    challenger: Contender,
    champion: Contender | None,
    inventory: pd.DataFrame,
    config: RetrainConfig,
    *,
    directory: Path,
) -> None:
    """Evaluate the new model, and the champion if there is one, on the same test images.

    Args:
        challenger: the new model.
        champion: the model in production.
        inventory: what the gate admitted.
        config: the evaluation and data parts, and home.
        directory: appears as a whole, with a Parquet and a JSON file for each model.

    Raises:
        ImagesChangedError: a file changed since the inventory.
    """
    shutil.rmtree(directory, ignore_errors=True)
    with atomic_folder(directory) as unfinished:
        for contender, name in ((challenger, PREDICTIONS), (champion, CHAMPION_PREDICTIONS)):
            if contender is not None:
                evaluate_model(
                    contender.file,
                    contender.contract,
                    inventory,
                    config,
                    predictions=unfinished / name,
                )
    for old in stale_folders(directory.parent, kept=KEPT):
        shutil.rmtree(old, ignore_errors=True)


def copy_evaluations(finished: Path, directory: Path) -> Evaluations:
    """Copy evaluations into the evidence of a run, whole or not at all.

    Raises:
        PixelgateError: they were removed meanwhile.
    """
    try:
        copy_result(finished, directory)
    except FileNotFoundError as error:
        raise PixelgateError(f"The finished evaluation is gone: {error}. Run again.") from None
    champion = directory / CHAMPION_PREDICTIONS
    before = read_evaluation(champion) if champion.exists() else None
    return read_evaluation(directory / PREDICTIONS), before


def read_evaluation(predictions: Path) -> Evaluation:
    """Read what `evaluate_model` left beside its predictions."""
    return Evaluation(**read_json(predictions.with_suffix(".json")), predictions=predictions)
