"""Evaluations by what they follow from: a run that was cut short after one finds it finished."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tasks.errors import PixelgateError
from tasks.evaluation import Evaluation, evaluate_model
from tasks.files import copy_finished, outdated, read_json, replacing_folder
from tasks.registry.champion import find_champion

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from tasks.config import RetrainConfig
    from tasks.generators.recipe import Inputs

    Evaluations = tuple[Evaluation, Evaluation | None]

PREDICTIONS, CHAMPION_PREDICTIONS = "predictions.parquet", "champion_predictions.parquet"
KEPT = 4


def folder_of(key: str, config: RetrainConfig) -> Path:
    """Return where evaluations are kept; `key` stands for all they follow from."""
    return config.state / "evaluated" / key[:32]


def evaluate_both(
    model: Path, inputs: Inputs, inventory: pd.DataFrame, config: RetrainConfig, *, directory: Path
) -> None:
    """Ask a new model, and the champion if there is one, about the same test pictures.

    Args:
        model: .keras file.
        inputs: what it was trained on.
        inventory: what the gate admitted.
        config: the evaluation and data parts, and the state folder.
        directory: appears as a whole, with a Parquet and a JSON file a model.

    Raises:
        PicturesChangedError: a file changed since the inventory.
    """
    shutil.rmtree(directory, ignore_errors=True)
    with replacing_folder(directory) as unfinished:
        evaluate_model(
            model, inputs.contract, inventory, config, predictions=unfinished / PREDICTIONS
        )
        champion = find_champion(config)
        if champion is not None:
            evaluate_model(
                champion.model,
                champion.contract,
                inventory,
                config,
                predictions=unfinished / CHAMPION_PREDICTIONS,
            )
    for old in outdated(directory.parent, kept=KEPT):
        shutil.rmtree(old, ignore_errors=True)


def copy_evaluations(finished: Path, directory: Path) -> Evaluations:
    """Copy evaluations into the evidence of a run, whole or not at all.

    Raises:
        PixelgateError: they were removed meanwhile.
    """
    try:
        copy_finished(finished, directory)
    except FileNotFoundError as error:
        raise PixelgateError(f"The finished evaluation is gone: {error}. Run again.") from None
    champion = directory / CHAMPION_PREDICTIONS
    before = read_evaluation(champion) if champion.exists() else None
    return read_evaluation(directory / PREDICTIONS), before


def read_evaluation(predictions: Path) -> Evaluation:
    """Read what `evaluate_model` left beside its predictions."""
    return Evaluation(**read_json(predictions.with_suffix(".json")), predictions=predictions)
