"""Challenger and champion go in; the evaluations of both on the same test images come out.

Finished evaluations are cached by key, so that the run after an interrupted one reuses them.
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras

from tasks.errors import PixelgateError
from tasks.evaluation.evaluate import evaluate_kept, evaluate_model
from tasks.evaluation.evaluation_record import Evaluation
from tasks.evaluation.golden import GOLDEN, answer_golden
from tasks.runs.result_store import copy_result, stale_folders
from tasks.storage.atomic import atomic_folder, read_json, write_parquet
from tasks.storage.checked import believe_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from tasks.config.schema import RetrainConfig
    from tasks.models.contract import InputContract

    Evaluations = tuple[Evaluation, Evaluation | None]

PREDICTIONS, CHAMPION_PREDICTIONS = "predictions.parquet", "champion_predictions.parquet"
# Enough for the interrupted runs of a few models in one home; an evaluation is small.
EVALUATIONS_KEPT = 4

log = logging.getLogger("pixelgate")


@dataclass(frozen=True)
class Contender:
    """A model to evaluate.

    Attributes:
        open: returns its .keras file, and its input and the meaning of its outputs; raises what is
            wrong with them.
        version: of the registered model; None for one that is not registered yet.
        trained_on: SHA-256 of the images it was trained on, as far as that is known and matters.
        kept: returns its probabilities as they were kept, by SHA-256; None if they were not.
    """

    open: Callable[[], tuple[Path, InputContract]]
    version: str | None = None
    trained_on: frozenset[str] = frozenset()
    kept: Callable[[], pd.DataFrame | None] | None = None

    @classmethod
    def of(cls, file: Path, contract: InputContract) -> Contender:
        """Return a model that is not registered yet."""
        return cls(lambda: (file, contract))


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
        _evaluate(challenger, inventory, config, unfinished / PREDICTIONS)
        if champion is not None:
            _evaluate(champion, inventory, config, unfinished / CHAMPION_PREDICTIONS)
        if config.evaluation.golden_dir is not None:
            file, contract = challenger.open()
            answers = answer_golden(keras.saving.load_model(file), contract, config)
            write_parquet(unfinished / GOLDEN, answers)
    for old in stale_folders(directory.parent, kept=EVALUATIONS_KEPT):
        shutil.rmtree(old, ignore_errors=True)


def _evaluate(
    contender: Contender, inventory: pd.DataFrame, config: RetrainConfig, predictions: Path
) -> None:
    """Evaluate a model, or its kept answers where it can't be loaded any more."""
    try:
        file, contract = contender.open()
        network = keras.saving.load_model(file)
    except Exception as error:
        kept = contender.kept() if contender.kept else None
        if kept is None:
            raise
        first_line = str(error).strip().partition("\n")[0]
        evaluation = evaluate_kept(
            kept,
            inventory,
            config,
            predictions=predictions,
            version=contender.version,
            without=contender.trained_on,
            not_loaded=first_line,
        )
        if evaluation is None:
            raise
        log.warning(
            "version %s can't be loaded (%s); compared are its answers to %d test images, which"
            " were kept",
            *(contender.version, first_line, evaluation.test_images),
        )
        return
    evaluate_model(
        network,
        contract,
        inventory,
        config,
        predictions=predictions,
        version=contender.version,
        without=contender.trained_on,
        file_bytes=file.stat().st_size,
    )


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
