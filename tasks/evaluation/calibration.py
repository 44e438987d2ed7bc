"""The confidence of answers goes in; how far it can be trusted comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

BINS = 15


def reliability_bins(confidence: np.ndarray, right: np.ndarray) -> list[dict[str, float]]:
    """Return how often answers of a confidence are right, in bins of equal width.

    Args:
        confidence: (images,) probability of the predicted class.
        right: (images,) bool, whether it is the label.

    Returns:
        For each bin with images: low, high, images, confidence (mean) and accuracy.
    """
    edges = np.linspace(0, 1, BINS + 1)
    # The last bin includes 1.
    bins = np.clip(np.digitize(confidence, edges) - 1, 0, BINS - 1)
    return [
        {
            "low": float(edges[number]),
            "high": float(edges[number + 1]),
            "images": int(inside.sum()),
            "confidence": float(confidence[inside].mean()),
            "accuracy": float(right[inside].mean()),
        }
        for number in range(BINS)
        if (inside := bins == number).any()
    ]


def expected_calibration_error(bins: Sequence[dict[str, float]]) -> float:
    """Return the mean distance of confidence and accuracy, weighted by images.

    Naeini, Cooper and Hauskrecht (2015), AAAI 29.
    """
    images = sum(each["images"] for each in bins)
    gaps = (each["images"] * abs(each["confidence"] - each["accuracy"]) for each in bins)
    return float(sum(gaps) / images)
