"""A model and the test split go in; numbers come out (no figures, no decision)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pandas as pd

from tasks.evaluation.answers import PREDICTED, PROBABILITY, best_answers, class_probabilities
from tasks.evaluation.calibration import expected_calibration_error, reliability_bins
from tasks.evaluation.latency import measure_latency
from tasks.evaluation.metrics import measure_answers, measure_probabilities
from tasks.evaluation.robustness import ROBUST, images_to_corrupt, measure_robustness
from tasks.evaluation.slices import measure_slices, slice_columns, worst_conjunctions
from tasks.generators.inputs import decode_for
from tasks.generators.pipelines import pixels_of
from tasks.inventory.columns import LABEL, PATH, SHA256, SPLIT, TEST, readable
from tasks.inventory.properties import properties_of
from tasks.storage.atomic import write_json, write_parquet

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.config.schema import RetrainConfig
    from tasks.models.contract import InputContract

BATCH = 256


@dataclass(frozen=True)
class Evaluation:
    """A model's metrics on the test split.

    Attributes:
        accuracy: share of the images classified correctly.
        accuracy_low: lower end of its confidence interval (Wilson).
        accuracy_high: upper end.
        confidence_level: of that interval.
        macro_f1: mean over the classes of the harmonic mean of precision and recall.
        macro_precision: mean over the classes.
        macro_recall: mean over the classes.
        majority_share: accuracy of always predicting the largest class.
        test_images: how many images.
        classes: labels, in the order of the confusion matrix.
        per_class: one row per class: label, precision, recall, f1, support.
        confusion: (classes, classes) counts, rows true and columns predicted.
        predictions: Parquet with path, sha256 (of the file), label, predicted, probability (of the
            predicted class), the slices that each image is in, and robust (the share of all
            corruptions under which it is classified correctly; missing for most images).
        version: of the registered model; None for one that is not registered yet.
        weighted_f1: mean F1 over the images.
        top_3: share of the images whose label is among the three most probable classes; None for
            no more classes than that.
        top_5: likewise of five.
        log_loss: mean negative logarithm of the label's probability.
        brier: mean squared distance of the probabilities from the label, in [0, 2].
        roc_auc: area under the ROC curve, mean over the classes; None if there is one class.
        pr_auc: average precision, mean over the classes.
        calibration_error: expected calibration error of the predicted class, in [0, 1].
        reliability: bins of the reliability diagram: low, high, images, confidence, accuracy.
        slices: property, value, images, accuracy, low and high of each, see `slices`.
        worst_slices: slice (in words), images and accuracy, the worst first.
        robustness: corruption, severity, images and accuracy of each, see `robustness`.
        robust_accuracy: mean of these accuracies; None where none was measured.
        latency: shortest time in which one image was classified, seconds.
        file_bytes: size of the .keras file; None for a model that is not in a file.
        trained_on: how many images of the test split it was trained on; they are left out.
    """

    accuracy: float
    accuracy_low: float
    accuracy_high: float
    confidence_level: float
    macro_f1: float
    macro_precision: float
    macro_recall: float
    majority_share: float
    test_images: int
    classes: list[str]
    per_class: list[dict[str, Any]]
    confusion: list[list[int]]
    predictions: Path
    version: str | None = None
    weighted_f1: float | None = None
    top_3: float | None = None
    top_5: float | None = None
    log_loss: float | None = None
    brier: float | None = None
    roc_auc: float | None = None
    pr_auc: float | None = None
    calibration_error: float | None = None
    reliability: list[dict[str, float]] = field(default_factory=list)
    slices: list[dict[str, Any]] = field(default_factory=list)
    worst_slices: list[dict[str, Any]] = field(default_factory=list)
    robustness: list[dict[str, Any]] = field(default_factory=list)
    robust_accuracy: float | None = None
    latency: float | None = None
    file_bytes: int | None = None
    trained_on: int = 0

    @property
    def metrics(self) -> dict[str, float]:
        """The single numbers, for the summary and for MLflow."""
        return {
            name: value
            for name, value in asdict(self).items()
            if isinstance(value, (int, float)) and name != "confidence_level"
        }


def evaluate_model(  # noqa: PLR0913 - a model, its images, and where the numbers go
    model: Path | keras.Model,
    contract: InputContract,
    inventory: pd.DataFrame,
    config: RetrainConfig,
    *,
    predictions: Path,
    version: str | None = None,
    without: frozenset[str] = frozenset(),
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

    Raises:
        ImagesChangedError: a file changed since the inventory.
    """
    images = readable(inventory)
    # The whole set, not the test split alone: this is the set the generators decoded and cached.
    pixels = decode_for(contract, images, config.data, config.paths)
    rows, left_out = _test_rows(images, without)
    network = model if isinstance(model, keras.Model) else keras.saving.load_model(model)
    test_pixels = pixels_of(pixels, rows)
    outputs = network.predict(test_pixels, batch_size=BATCH, verbose=0)
    probabilities = class_probabilities(outputs, contract)
    test = images.iloc[rows].reset_index(drop=True)
    answers = best_answers(probabilities, contract.classes)
    table = pd.concat(
        [test[[PATH, SHA256, LABEL]], answers, slice_columns(test, properties_of(test, config))],
        axis="columns",
    )
    robust = _measure_robustness(network, contract, test_pixels, table, config)
    labels = table[LABEL].astype("str")
    right = labels == table[PREDICTED].astype("str")
    evaluation = Evaluation(
        **measure_answers(table, config.evaluation.confidence_level),
        **measure_probabilities(labels.tolist(), probabilities, contract.classes),
        **_measure_confidence(table),
        slices=measure_slices(table, right, config.evaluation.confidence_level),
        worst_slices=worst_conjunctions(table, right),
        **robust,
        latency=measure_latency(network, contract),
        file_bytes=None if isinstance(model, keras.Model) else model.stat().st_size,
        trained_on=left_out,
        predictions=write_parquet(predictions, table),
        version=version,
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

    def predict(batch: np.ndarray) -> np.ndarray:
        outputs: np.ndarray = network.predict(batch, batch_size=BATCH, verbose=0)
        return outputs

    labels = table[LABEL].to_numpy(object)[rows]
    measured, shares = measure_robustness(predict, contract, images[rows], labels)
    table.loc[rows, ROBUST] = shares
    return {"robustness": measured, "robust_accuracy": float(shares.mean())}


def _measure_confidence(table: pd.DataFrame) -> dict[str, Any]:
    confidence = table[PROBABILITY].to_numpy("float64")
    if not np.isfinite(confidence).all():
        return {}
    right = (table[PREDICTED].astype("str") == table[LABEL].astype("str")).to_numpy()
    bins = reliability_bins(confidence, right)
    return {"reliability": bins, "calibration_error": expected_calibration_error(bins)}
