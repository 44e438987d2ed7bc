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
# Each call of a model takes a tenth of a second, of however few images.
BYTES_AT_ONCE = 2**26


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
    ways = [(name, severity) for name in CORRUPTIONS for severity in SEVERITIES]
    at_once = max(1, BYTES_AT_ONCE // max(1, images.nbytes))
    right = np.zeros((len(ways), len(images)), bool)
    for start in range(0, len(ways), at_once):
        group = ways[start : start + at_once]
        changed = np.empty((len(group), *images.shape), images.dtype)
        for number, way in enumerate(group):
            changed[number] = corrupt(images, *way, seed=SEED)
        outputs = predict(changed.reshape(-1, *images.shape[1:]))
        answers = classes[class_probabilities(outputs, contract).argmax(axis=1)]
        right[start : start + len(group)] = answers.reshape(len(group), -1) == labels
    rows = [
        {
            "corruption": name,
            "severity": severity,
            "images": len(images),
            "accuracy": float(is_right.mean()),
        }
        for (name, severity), is_right in zip(ways, right, strict=True)
    ]
    return rows, right.mean(axis=0)
