"""What is known of a model after its evaluation: its numbers, and where its answers are."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


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
        not_loaded: why the answers are those that were kept when the version was registered; empty
            for a model that answered itself.
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
    not_loaded: str = ""

    @property
    def metrics(self) -> dict[str, float]:
        """The single numbers, for the summary and for MLflow."""
        return {
            name: value
            for name, value in asdict(self).items()
            if isinstance(value, (int, float)) and name != "confidence_level"
        }
