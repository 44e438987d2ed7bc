"""A model and the test split go in; numbers come out (no figures, no decision)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pandas as pd
from scipy.stats import binomtest
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    precision_recall_fscore_support,
)

from tasks.evaluation.answers import PREDICTED, PROBABILITY, best_answers, class_probabilities
from tasks.generators.inputs import decode_for
from tasks.generators.pipelines import pixels_of
from tasks.inventory.columns import LABEL, PATH, SHA256, SPLIT, TEST, readable
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
        predictions: Parquet with path, sha256 (of the file), label, predicted and probability (of
            the predicted class).
        version: of the registered model; None for one that is not registered yet.
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

    Raises:
        ImagesChangedError: a file changed since the inventory.
    """
    images = readable(inventory)
    # The whole set, not the test split alone: this is the set the generators decoded and cached.
    pixels = decode_for(contract, images, config.data, config.paths)
    rows = np.flatnonzero(images[SPLIT] == TEST)
    network = model if isinstance(model, keras.Model) else keras.saving.load_model(model)
    predicted = predict_labels(network, contract, pixels_of(pixels, rows))
    test = images.iloc[rows][[PATH, SHA256, LABEL]].reset_index(drop=True)
    table = pd.concat([test, predicted], axis="columns")
    evaluation = _measure(
        table,
        confidence_level=config.evaluation.confidence_level,
        predictions=write_parquet(predictions, table),
    )
    evaluation = replace(evaluation, version=version)
    numbers = {name: value for name, value in asdict(evaluation).items() if name != "predictions"}
    write_json(predictions.with_suffix(".json"), numbers)
    return evaluation


def predict_labels(model: keras.Model, contract: InputContract, images: np.ndarray) -> pd.DataFrame:
    """Return the label a model predicts for each image, and its probability.

    Args:
        model: its outputs are probabilities, (images, outputs) float32 in [0, 1].
        contract: the classes of these outputs.
        images: (images, height, width, channels) uint8.

    Returns:
        A frame with predicted (label) and probability (of that label), one row per image.
    """
    outputs = model.predict(images, batch_size=BATCH, verbose=0)
    return best_answers(class_probabilities(outputs, contract), contract.classes)


def worst_mistakes(evaluation: Evaluation, *, most: int) -> pd.DataFrame:
    """Return the misclassified images, the most confident first: at most `most` rows."""
    table = pd.read_parquet(evaluation.predictions)
    wrong = table[table[PREDICTED] != table[LABEL]]
    return wrong.sort_values(PROBABILITY, ascending=False).head(most)


def _measure(table: pd.DataFrame, *, confidence_level: float, predictions: Path) -> Evaluation:
    true, predicted = table[LABEL].astype("str"), table[PREDICTED].astype("str")
    # An older champion may predict a class that has no test images any more: it has a column in the
    # confusion matrix, but no recall that could enter a mean.
    classes = sorted(set(true) | set(predicted))
    labels = sorted(set(true))
    correct = int((true == predicted).sum())
    # Wilson's interval stays within 0 and 1 and holds for small test sets, unlike the normal one.
    interval = binomtest(correct, len(table)).proportion_ci(confidence_level, method="wilson")
    precision, recall, f1, support = precision_recall_fscore_support(
        true, predicted, labels=labels, zero_division=0
    )
    per_class = pd.DataFrame(
        {"label": labels, "precision": precision, "recall": recall, "f1": f1, "support": support}
    )
    return Evaluation(
        accuracy=float(accuracy_score(true, predicted)),
        accuracy_low=float(interval.low),
        accuracy_high=float(interval.high),
        confidence_level=confidence_level,
        macro_f1=float(f1.mean()),
        macro_precision=float(precision.mean()),
        macro_recall=float(recall.mean()),
        majority_share=float(support.max() / support.sum()),
        test_images=len(table),
        classes=classes,
        per_class=[{str(k): v for k, v in row.items()} for row in per_class.to_dict("records")],
        confusion=confusion_matrix(true, predicted, labels=classes).tolist(),
        predictions=predictions,
    )
