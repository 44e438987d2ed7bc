"""A model and the test split go in; numbers come out (no figures, no decision)."""

from __future__ import annotations

import functools
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pandas as pd

from tasks.evaluation.answers import (
    PREDICTED,
    PROBABILITIES_FILE,
    PROBABILITY,
    best_answers,
    class_probabilities,
    write_probabilities,
)
from tasks.evaluation.calibration import expected_calibration_error, reliability_bins
from tasks.evaluation.evaluation_record import Evaluation
from tasks.evaluation.latency import measure_latency
from tasks.evaluation.metrics import measure_answers, measure_probabilities
from tasks.evaluation.robustness import ROBUST, images_to_corrupt, measure_robustness
from tasks.evaluation.slices import measure_slices, slice_columns, worst_conjunctions
from tasks.generators.inputs import decode_for
from tasks.generators.pipelines import pixels_of
from tasks.inventory.columns import LABEL, PATH, SHA256, SPLIT, TEST, readable
from tasks.inventory.properties import properties_of
from tasks.models.prediction import predict
from tasks.storage.atomic import write_json, write_parquet

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.config.schema import RetrainConfig
    from tasks.models.contract import InputContract


def evaluate_model(  # noqa: PLR0913 - a model, its images, and where the numbers go
    model: Path | keras.Model,
    contract: InputContract,
    inventory: pd.DataFrame,
    config: RetrainConfig,
    *,
    predictions: Path,
    version: str | None = None,
    without: frozenset[str] = frozenset(),
    file_bytes: int | None = None,
) -> Evaluation:
    """Predict every image of the test split and compare with the labels.

    The images are decoded as the model's own contract says, so an older model with another input
    size predicts the same images; a label it doesn't know counts as a mistake.

    Args:
        model: a loaded model, or the path of a .keras file.
        contract: the model's input, and the meaning of its outputs.
        inventory: rows of split test are used, without those that can't be read.
        config: the evaluation and data parts, and home, which holds the decode cache.
        predictions: Parquet file to write; a JSON of the numbers is written next to it.
        version: of the registered model, if it is one.
        without: SHA-256 of images that the model was trained on, which are no test for it; ignored
            where nothing else would be left.
        file_bytes: size of the file that a loaded model is from.

    Raises:
        ImagesChangedError: a file changed since the inventory.
    """
    images = readable(inventory)
    # The whole set, not the test split alone: this is the set the generators decoded and cached.
    pixels = decode_for(contract, images, config.data, config.paths)
    rows, left_out = _test_rows(images, without)
    if isinstance(model, keras.Model):
        network = model
    else:
        network, file_bytes = keras.saving.load_model(model), model.stat().st_size
    test_pixels = pixels_of(pixels, rows)
    probabilities = pd.DataFrame(
        class_probabilities(predict(network, test_pixels), contract),
        images[SHA256].iloc[rows],
        contract.classes,
    )
    table = _answers(images.iloc[rows], probabilities, config)
    robust = _measure_robustness(network, contract, test_pixels, table, config)
    # An image that is there twice has one answer.
    unique = probabilities[~probabilities.index.duplicated()]
    write_probabilities(_beside(predictions), unique)
    return _measure(
        table,
        probabilities,
        config,
        predictions=predictions,
        **robust,
        latency=measure_latency(network, contract),
        file_bytes=file_bytes,
        trained_on=left_out,
        version=version,
    )


def _beside(predictions: Path) -> Path:
    prefix = predictions.name.removesuffix(predictions.name.removeprefix("champion_"))
    return predictions.with_name(f"{prefix}{PROBABILITIES_FILE}")


def evaluate_kept(  # noqa: PLR0913 - as evaluate_model, which it stands in for
    kept: pd.DataFrame,
    inventory: pd.DataFrame,
    config: RetrainConfig,
    *,
    predictions: Path,
    version: str | None,
    without: frozenset[str],
    not_loaded: str,
) -> Evaluation | None:
    """Evaluate a model that can't be loaded any more by the answers that were kept.

    Args:
        kept: probabilities by SHA-256, one column per class.
        inventory: rows of split test whose answers are kept are used.
        config: the evaluation and data parts, and home.
        predictions: as in `evaluate_model`.
        version: of the registered model.
        without: as in `evaluate_model`.
        not_loaded: why it is not evaluated itself.

    Returns:
        The evaluation, without robustness, latency and size; None if no answer to a present test
        image is kept.
    """
    images = readable(inventory)
    rows, left_out = _test_rows(images, without)
    test = images.iloc[rows]
    test = test[test[SHA256].isin(kept.index)]
    if test.empty:
        return None
    probabilities = kept.loc[test[SHA256]]
    return _measure(
        _answers(test, probabilities, config),
        probabilities,
        config,
        predictions=predictions,
        trained_on=left_out,
        version=version,
        not_loaded=not_loaded,
    )


def _answers(
    images: pd.DataFrame, probabilities: pd.DataFrame, config: RetrainConfig
) -> pd.DataFrame:
    """Return path, sha256, label, predicted, probability and slices: one row per image."""
    test = images.reset_index(drop=True)
    answers = best_answers(probabilities.to_numpy(), probabilities.columns.tolist())
    return pd.concat(
        [test[[PATH, SHA256, LABEL]], answers, slice_columns(test, properties_of(test, config))],
        axis="columns",
    )


def _measure(
    table: pd.DataFrame,
    probabilities: pd.DataFrame,
    config: RetrainConfig,
    *,
    predictions: Path,
    **fields: Any,
) -> Evaluation:
    """Measure the answers, and write them and the numbers."""
    labels = table[LABEL].astype("str")
    right = labels == table[PREDICTED].astype("str")
    evaluation = Evaluation(
        **measure_answers(table, config.evaluation.confidence_level),
        **measure_probabilities(
            labels.tolist(), probabilities.to_numpy(), probabilities.columns.tolist()
        ),
        **_measure_confidence(table),
        slices=measure_slices(table, right, config.evaluation.confidence_level),
        worst_slices=worst_conjunctions(table, right),
        predictions=write_parquet(predictions, table),
        **fields,
    )
    numbers = {name: value for name, value in asdict(evaluation).items() if name != "predictions"}
    write_json(predictions.with_suffix(".json"), numbers)
    return evaluation


def worst_mistakes(evaluation: Evaluation, *, most: int) -> pd.DataFrame:
    """Return the misclassified images, the most confident first: at most `most` rows."""
    table = pd.read_parquet(evaluation.predictions)
    wrong = table[table[PREDICTED] != table[LABEL]]
    return wrong.sort_values(PROBABILITY, ascending=False).head(most)


def _test_rows(images: pd.DataFrame, without: frozenset[str]) -> tuple[np.ndarray, int]:
    """Return the numbers of the test images, and how many of the split are left out."""
    is_test = (images[SPLIT] == TEST).to_numpy()
    known = images[SHA256].isin(without).to_numpy()
    if not (is_test & ~known).any():
        return np.flatnonzero(is_test), 0
    return np.flatnonzero(is_test & ~known), int((is_test & known).sum())


def _measure_robustness(
    network: keras.Model,
    contract: InputContract,
    images: np.ndarray,
    table: pd.DataFrame,
    config: RetrainConfig,
) -> dict[str, Any]:
    """Return the fields about corrupted images, and write each one's share into the table."""
    rows = images_to_corrupt(table[SHA256].tolist(), config.evaluation.corrupted_images)
    if not len(rows):
        return {}

    labels = table[LABEL].to_numpy(object)[rows]
    measured, shares = measure_robustness(
        functools.partial(predict, network), contract, images[rows], labels
    )
    table.loc[rows, ROBUST] = shares
    return {"robustness": measured, "robust_accuracy": float(shares.mean())}


def _measure_confidence(table: pd.DataFrame) -> dict[str, Any]:
    confidence = table[PROBABILITY].to_numpy("float64")
    if not np.isfinite(confidence).all():
        return {}
    right = (table[PREDICTED].astype("str") == table[LABEL].astype("str")).to_numpy()
    bins = reliability_bins(confidence, right)
    return {"reliability": bins, "calibration_error": expected_calibration_error(bins)}
