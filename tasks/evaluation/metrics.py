"""Labels and probabilities go in; the numbers of an evaluation come out, from scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
    roc_auc_score,
    top_k_accuracy_score,
)

from tasks.evaluation.answers import PREDICTED
from tasks.inventory.columns import LABEL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TOP = (3, 5)
# As scikit-learn does for float32: a probability of exactly 0 would cost infinitely much.
SMALLEST = float(np.finfo("float32").eps)


def measure_answers(table: pd.DataFrame, confidence_level: float) -> dict[str, Any]:
    """Measure labels against predicted labels.

    Args:
        table: label and predicted, one row per image.
        confidence_level: of the accuracy's interval.

    Returns:
        The fields of an `Evaluation` that need no probabilities.
    """
    true, predicted = table[LABEL].astype("str"), table[PREDICTED].astype("str")
    # An older champion may predict a class that has no test images any more: it has a column in the
    # confusion matrix, but no recall that could enter a mean.
    classes = sorted(set(true) | set(predicted))
    labels = sorted(set(true))
    low, high = wilson_interval(int((true == predicted).sum()), len(table), confidence_level)
    precision, recall, f1, support = precision_recall_fscore_support(
        true, predicted, labels=labels, zero_division=0
    )
    per_class = pd.DataFrame(
        {"label": labels, "precision": precision, "recall": recall, "f1": f1, "support": support}
    )
    return {
        "accuracy": float(accuracy_score(true, predicted)),
        "accuracy_low": low,
        "accuracy_high": high,
        "confidence_level": confidence_level,
        "macro_f1": float(f1.mean()),
        "weighted_f1": float(
            f1_score(true, predicted, labels=labels, average="weighted", zero_division=0)
        ),
        "macro_precision": float(precision.mean()),
        "macro_recall": float(recall.mean()),
        "majority_share": float(support.max() / support.sum()),
        "test_images": len(table),
        "classes": classes,
        "per_class": [{str(k): v for k, v in row.items()} for row in per_class.to_dict("records")],
        "confusion": confusion_matrix(true, predicted, labels=classes).tolist(),
    }


def measure_probabilities(
    labels: Sequence[str], probabilities: np.ndarray, classes: Sequence[str]
) -> dict[str, Any]:
    """Measure labels against probabilities.

    Args:
        labels: of each image; one that the model doesn't know has the probability 0.
        probabilities: (images, classes) float in [0, 1].
        classes: their labels, in the order of the columns.

    Returns:
        top_3 and top_5 (None for no more classes than that), log_loss, brier (the sum over the
        classes, in [0, 2]), roc_auc and pr_auc (means over the classes that have test images and of
        which there are others; None without one). Empty if a probability is not finite, as of a
        model that diverged: no measure says anything then.
    """
    if not np.isfinite(probabilities).all():
        return {}
    known = [*classes, *sorted(set(labels) - set(classes))]
    padded = np.zeros((len(labels), len(known)))
    padded[:, : len(classes)] = probabilities
    column = {name: number for number, name in enumerate(known)}
    target = np.array([column[label] for label in labels])
    # Exactly 1 in sum again, which float32 is not.
    padded /= padded.sum(axis=1, keepdims=True).clip(SMALLEST)
    wanted = np.eye(len(known))[target]
    everything = np.arange(len(known))
    return {
        **{f"top_{k}": _top(target, padded, everything, k) for k in TOP},
        "log_loss": float(-np.log(padded[np.arange(len(target)), target].clip(SMALLEST)).mean()),
        "brier": float(((padded - wanted) ** 2).sum(axis=1).mean()),
        "roc_auc": _mean_over_classes(roc_auc_score, wanted, padded),
        "pr_auc": _mean_over_classes(average_precision_score, wanted, padded),
    }


def wilson_interval(right: int, images: int, confidence_level: float) -> tuple[float, float]:
    """Return the ends of the interval of a share.

    Wilson's stays within 0 and 1 and holds for small test sets, unlike the normal one.
    """
    interval = binomtest(right, images).proportion_ci(confidence_level, method="wilson")
    return float(interval.low), float(interval.high)


def _top(target: np.ndarray, probabilities: np.ndarray, labels: np.ndarray, k: int) -> float | None:
    if k >= len(labels):
        return None
    return float(top_k_accuracy_score(target, probabilities, k=k, labels=labels))


def _mean_over_classes(
    score: Callable[..., float], wanted: np.ndarray, probabilities: np.ndarray
) -> float | None:
    """Return the mean of a score over the classes, each one against the rest."""
    images = wanted.sum(axis=0)
    columns = np.flatnonzero((images > 0) & (images < len(wanted)))
    if not len(columns):
        return None
    return float(np.mean([score(wanted[:, each], probabilities[:, each]) for each in columns]))
