"""New images with their answers and the champion's known ones go in; checks of drift come out.

The measures and their bounds are those of the data gate (`gate.drift_*`): a Kolmogorov-Smirnov
distance above the bound that is no chance. What the model answers is compared in the same way: its
confidence, and the shares of the classes it predicts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from tasks.evaluation.answers import PREDICTED, PROBABILITY
from tasks.runs.check import Check

if TYPE_CHECKING:
    from tasks.config.gate import GateConfig
    from tasks.serving.expected_accuracy import ExpectedAccuracy

MEASURES = ("height", "width", "brightness", "contrast", "sharpness")
# Of each test; a scoring makes seven of them.
ALPHA = 0.001
# Largest distance of confidence, and of class shares (half the sum of their differences).
MAX_DISTANCE = 0.1
# With fewer images on either side a distance says nothing.
LEAST = 10
LOOK = "Look at these images, and label some of them to measure the accuracy."


def input_checks(known: pd.DataFrame, new: pd.DataFrame, gate: GateConfig) -> list[Check]:
    """Compare the new images with those the champion was made from.

    Args:
        known: rows of the champion's inventory, with the measures as columns.
        new: likewise, of the new images.
        gate: bounds the distance of each measure.
    """
    return [
        distance_check(
            f"drift_{measure}", known[measure], new[measure], _bound(gate, measure), measure
        )
        for measure in MEASURES
        if len(known) >= LEAST and len(new) >= LEAST
    ]


def answer_checks(known: pd.DataFrame, new: pd.DataFrame) -> list[Check]:
    """Compare the answers to the new images with those to the test split.

    Args:
        known: predicted and probability of the test images.
        new: likewise, of the new images.
    """
    if len(known) < LEAST or len(new) < LEAST:
        return []
    confidence = distance_check(
        "drift_confidence", known[PROBABILITY], new[PROBABILITY], MAX_DISTANCE, "confidence"
    )
    return [confidence, _share_check(known[PREDICTED], new[PREDICTED])]


def accuracy_check(expected: ExpectedAccuracy, margin: float) -> Check:
    """Judge the expected accuracy: is it below the test accuracy by more than a margin?"""
    bound = expected.test_accuracy - margin
    return Check(
        rule="expected_accuracy",
        threshold=f"an accuracy of at least {bound:.4f}, {margin:g} below the test split's",
        observed=f"{expected.value:.4f} expected ({expected.low:.4f} to {expected.high:.4f})",
        success=expected.high >= bound,
        severity="warning",
        remedy=LOOK,
    )


def distance_check(rule: str, known: pd.Series, new: pd.Series, bound: float, name: str) -> Check:
    """Compare two samples of a number by their Kolmogorov-Smirnov distance."""
    before, now = (each.dropna().to_numpy("float64") for each in (known, new))
    result = stats.ks_2samp(before, now, method="asymp")
    return Check(
        rule=rule,
        threshold=f"a distance of at most {bound:g} from the {name} of the known images",
        observed=f"{result.statistic:.3f} (median {np.median(now):.4g}, known"
        f" {np.median(before):.4g})",
        success=bool(result.statistic <= bound or result.pvalue > ALPHA),
        severity="warning",
        remedy=LOOK,
    )


def _bound(gate: GateConfig, measure: str) -> float:
    return float(getattr(gate, f"drift_{measure}").max_distance)


def _share_check(known: pd.Series, new: pd.Series) -> Check:
    counts = pd.DataFrame(
        {"known": known.astype("str").value_counts(), "new": new.astype("str").value_counts()}
    ).fillna(0)
    shares = counts / counts.sum()
    moved = shares["new"] - shares["known"]
    distance = float(moved.abs().sum() / 2)
    chance = 1.0
    if len(counts) > 1:
        chance = float(stats.chi2_contingency(counts.T.to_numpy()).pvalue)
    most = str(moved.abs().idxmax())
    return Check(
        rule="drift_predictions",
        threshold=f"class shares within {MAX_DISTANCE:g} of those of the test split",
        observed=f"{distance:.3f}; most of all {most}: {shares['new'][most]:.1%}, known"
        f" {shares['known'][most]:.1%}",
        success=distance <= MAX_DISTANCE or chance > ALPHA,
        severity="warning",
        remedy=LOOK,
    )
