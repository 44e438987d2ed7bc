"""A model and test images go in; how well it classifies them corrupted comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.evaluation.answers import class_probabilities
from tasks.evaluation.corruptions import CORRUPTIONS, SEVERITIES, corrupt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tasks.models.contract import InputContract

# Of the test images: each is predicted once for every corruption and severity.
SHARE, FEWEST, MOST = 1 / 16, 25, 500
# Draws the noise: the same for every model.
SEED = 0
ROBUST = "robust"


def images_to_corrupt(digests: Sequence[str], wanted: int | None) -> np.ndarray:
    """Return the numbers of the test images that are corrupted, in their order.

    Args:
        digests: SHA-256 of each test image. Those with the lowest are chosen: any of them, and the
            same ones where a champion has seen some of the others.
        wanted: how many; None for a sixteenth of them, which takes one and a half times as long as
            they all take once.
    """
    if wanted is None:
        wanted = int(np.clip(len(digests) * SHARE, FEWEST, MOST))
    return np.sort(np.argsort(np.asarray(digests, dtype=str), kind="stable")[:wanted])


def measure_robustness(
    predict: Callable[[np.ndarray], np.ndarray],
    contract: InputContract,
    images: np.ndarray,
    labels: np.ndarray,
) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Classify images under each corruption in each severity.

    Args:
        predict: from (images, height, width, channels) uint8 to the model's outputs.
        contract: the meaning of these outputs.
        images: (images, height, width, channels) uint8.
        labels: (images,) their labels.

    Returns:
        corruption, severity, images and accuracy of each, and (images,) float: the share of them
        all in which each image is classified correctly.
    """
    classes = np.asarray(contract.classes, dtype=object)
    rows: list[dict[str, Any]] = []
    right = np.zeros((len(CORRUPTIONS) * len(SEVERITIES), len(images)), bool)
    for name in CORRUPTIONS:
        for severity in SEVERITIES:
            outputs = predict(corrupt(images, name, severity, seed=SEED))
            answers = classes[class_probabilities(outputs, contract).argmax(axis=1)]
            right[len(rows)] = answers == labels
            rows.append(
                {
                    "corruption": name,
                    "severity": severity,
                    "images": len(images),
                    "accuracy": float(right[len(rows)].mean()),
                }
            )
    return rows, right.mean(axis=0)
