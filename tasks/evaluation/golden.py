"""A model and a folder of images that it must never miss go in; its answers to them come out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tasks.config.data import DataConfig
from tasks.errors import DataFolderError, SettingsError
from tasks.evaluation.answers import PREDICTED, PROBABILITY, best_answers, class_probabilities
from tasks.generators.inputs import decode_for
from tasks.inventory.columns import ERROR, LABEL, PATH, readable
from tasks.inventory.scan import take_inventory
from tasks.models.prediction import predict

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.config.schema import RetrainConfig
    from tasks.models.contract import InputContract

GOLDEN = "golden.parquet"


def answer_golden(network: Any, contract: InputContract, config: RetrainConfig) -> pd.DataFrame:
    """Predict every image of `evaluation.golden_dir`.

    Args:
        network: a loaded Keras model.
        contract: its input, and the meaning of its outputs.
        config: the evaluation and data parts, and home.

    Returns:
        One row per file: path, label (its folder), predicted, probability, and error, the reason
        for a file that can't be read.

    Raises:
        SettingsError: the folder is not one of class folders.
    """
    inventory = _golden_images(config)
    images = readable(inventory)
    answers = pd.DataFrame(columns=[PREDICTED, PROBABILITY], index=images.index)
    if len(images):
        # Imported here, as reports read only the name of the file, and TensorFlow takes seconds.
        from tasks.generators.pipelines import pixels_of

        pixels = decode_for(contract, images, config.data, config.paths)
        outputs = predict(network, pixels_of(pixels, np.arange(len(images))))
        answers = best_answers(class_probabilities(outputs, contract), contract.classes)
        answers.index = images.index
    table = inventory[[PATH, LABEL, ERROR]].join(answers)
    return table.astype({PREDICTED: "str"}).reset_index(drop=True)


def wrong_answers(table: pd.DataFrame) -> list[str]:
    """Return the images that were missed: path, and what it was taken for or why it can't be read.

    Args:
        table: as `answer_golden` returns it.
    """
    wrong = table[table[PREDICTED].astype("str") != table[LABEL].astype("str")]
    reasons = ("taken for " + wrong[PREDICTED].astype("str")).mask(
        wrong[ERROR].notna(), wrong[ERROR]
    )
    return [f"{path} ({reason})" for path, reason in zip(wrong[PATH], reasons, strict=True)]


def _golden_images(config: RetrainConfig) -> pd.DataFrame:
    folder: Path | None = config.evaluation.golden_dir
    settings = DataConfig(
        directory=folder, layout="class", max_pixels=config.data.max_pixels, workers=1
    )
    try:
        return take_inventory(settings, seed=config.seed)
    except DataFolderError as error:
        raise SettingsError(
            f"evaluation.golden_dir must be a folder with a folder for each class: {error}"
        ) from None
