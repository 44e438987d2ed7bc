"""Challenger and champion go in; the evaluations of both on the same test images come out.

Finished evaluations are cached by key, so that the run after an interrupted one reuses them.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras

from tasks.errors import PixelgateError
from tasks.evaluation.evaluate import Evaluation, evaluate_model
from tasks.evaluation.golden import GOLDEN, answer_golden
from tasks.runs.result_store import copy_result, stale_folders
from tasks.storage.atomic import atomic_folder, read_json, write_parquet
from tasks.storage.checked import believe_folder

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from tasks.config.schema import RetrainConfig
    from tasks.models.contract import InputContract

    Evaluations = tuple[Evaluation, Evaluation | None]

PREDICTIONS, CHAMPION_PREDICTIONS = "predictions.parquet", "champion_predictions.parquet"
# Enough for the interrupted runs of a few models in one home; an evaluation is small.
EVALUATIONS_KEPT = 4


@dataclass(frozen=True)
class Contender:
    """A model to evaluate.

    Attributes:
        file: .keras file.
        contract: the model's input, and the meaning of its outputs.
        version: of the registered model; None for one that is not registered yet.
        trained_on: SHA-256 of the images it was trained on, as far as that is known and matters.
    """

    file: Path
    contract: InputContract
    version: str | None = None
    trained_on: frozenset[str] = frozenset()


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
        inventory: the rows the gate admitted.
        config: the evaluation and data parts, and home.
        directory: appears complete or not at all, with a Parquet and a JSON file for each model.

    Raises:
        ImagesChangedError: a file changed since the inventory.
    """
    # --force evaluates again what is there already.
    shutil.rmtree(directory, ignore_errors=True)
    with atomic_folder(directory, sealed=True) as unfinished:
        for contender, name in ((challenger, PREDICTIONS), (champion, CHAMPION_PREDICTIONS)):
            if contender is not None:
                evaluate_model(
                    contender.file,
                    contender.contract,
                    inventory,
                    config,
                    predictions=unfinished / name,
                    version=contender.version,
                    without=contender.trained_on,
                )
        if config.evaluation.golden_dir is not None:
            network = keras.saving.load_model(challenger.file)
            answers = answer_golden(network, challenger.contract, config)
            write_parquet(unfinished / GOLDEN, answers)
    for old in stale_folders(directory.parent, kept=EVALUATIONS_KEPT):
        shutil.rmtree(old, ignore_errors=True)


def copy_evaluations(finished: Path, directory: Path) -> Evaluations:
    """Copy evaluations into the evidence of a run, all of them or none.

    Args:
        finished: folder that `evaluate_both` made.
        directory: folder in the run's evidence; must not exist.

    Returns:
        The evaluation of the new model, and that of the champion or None.

    Raises:
        PixelgateError: another process removed them in the meantime.
    """
    if not believe_folder(finished):
        raise PixelgateError(f"The finished evaluation in {finished} is gone. Run again.")
    try:
        copy_result(finished, directory)
    except FileNotFoundError as error:
        raise PixelgateError(f"The finished evaluation is gone: {error}. Run again.") from None
    file = directory / CHAMPION_PREDICTIONS
    champion = read_evaluation(file) if file.exists() else None
    return read_evaluation(directory / PREDICTIONS), champion


def read_evaluation(predictions: Path) -> Evaluation:
    """Read the numbers `evaluate_model` wrote next to its predictions."""
    return Evaluation(**read_json(predictions.with_suffix(".json")), predictions=predictions)
