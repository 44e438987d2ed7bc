"""The champion's answers to labelled and to new images go in; its expected accuracy comes out.

Its confidence in the right and the wrong answers of the test split says how often an answer of a
given confidence is right (Platt's logistic calibration); the mean over new images is the accuracy
to expect of them. The interval holds the uncertainty of that relation (bootstrap) and the chance in
a finite number of new images. It assumes what no label can verify: that a confidence means the same
on the new images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RESAMPLES = 200
# The slope's prior: a weight of one image keeps it finite where confidence separates all mistakes.
RIDGE, STEPS = 1.0, 25
SMALL_STEP = 1e-8


@dataclass(frozen=True)
class ExpectedAccuracy:
    """The accuracy to expect of images without labels.

    Attributes:
        value: share of the answers that are right, expected.
        low: lower end of its 95% interval.
        high: upper end.
        images: how many new images it is about.
        test_accuracy: measured on the test split.
        test_images: how many.
    """

    value: float
    low: float
    high: float
    images: int
    test_accuracy: float
    test_images: int


def expect_accuracy(
    confidence: np.ndarray, right: np.ndarray, new: np.ndarray, *, seed: int
) -> ExpectedAccuracy:
    """Expect the accuracy on new images from the confidence of the answers alone.

    Args:
        confidence: (test images,) probability of the predicted class.
        right: (test images,) bool, whether it is the label.
        new: (new images,) likewise, of images without labels.
        seed: of the bootstrap.
    """
    test, unlabelled = _scores(confidence), _scores(new)
    random = np.random.default_rng(seed)
    draws = []
    for _ in range(RESAMPLES):
        rows = random.integers(0, len(right), len(right))
        chance = _probability(_fit(test[rows], right[rows]), unlabelled)
        # The answers themselves are a draw too: of ten images, not 9.3 are right.
        spread = np.sqrt((chance * (1 - chance)).sum()) / len(chance)
        draws.append(chance.mean() + spread * random.standard_normal())
    low, high = np.clip(np.quantile(draws, [0.025, 0.975]), 0, 1)
    value = float(_probability(_fit(test, right), unlabelled).mean())
    return ExpectedAccuracy(
        value=value,
        low=float(min(low, value)),
        high=float(max(high, value)),
        images=len(new),
        test_accuracy=float(np.mean(right)),
        test_images=len(right),
    )


def _scores(confidence: np.ndarray) -> np.ndarray:
    """Return log odds: (images,) float64."""
    clipped = np.clip(np.asarray(confidence, "float64"), 1e-6, 1 - 1e-6)
    odds: np.ndarray = np.log(clipped / (1 - clipped))
    return odds


def _fit(scores: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return intercept and slope of a logistic regression, by Newton's method."""
    count = len(right)
    # Platt's targets, never 0 or 1: with no mistake at all, a next one is still possible.
    targets = np.where(right, (right.sum() + 1) / (right.sum() + 2), 1 / (count - right.sum() + 2))
    design = np.stack([np.ones(count), scores], axis=1)
    ridge = np.diag([0.0, RIDGE])
    weights = np.array([np.log(targets.mean() / (1 - targets.mean())), 0.0])
    for _ in range(STEPS):
        chance = _probability(weights, scores)
        gradient = design.T @ (targets - chance) - ridge @ weights
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + ridge
        step = np.linalg.solve(curvature + 1e-9 * np.eye(2), gradient)
        weights = weights + np.clip(step, -2, 2)
        if np.abs(step).max() < SMALL_STEP:
            break
    return weights


def _probability(weights: np.ndarray, scores: np.ndarray) -> np.ndarray:
    chance: np.ndarray = 1 / (1 + np.exp(-np.clip(weights[0] + weights[1] * scores, -500, 500)))
    return chance
