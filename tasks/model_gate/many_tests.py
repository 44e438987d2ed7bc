"""Losses and gains of many groups of images go in; which of them are more than chance comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binomtest

if TYPE_CHECKING:
    from collections.abc import Sequence


def corrected_p_values(losses: Sequence[int], gains: Sequence[int]) -> np.ndarray:
    """Return how often chance alone makes so many losses in any of the groups.

    Args:
        losses: of each group, images that are newly wrong.
        gains: of each group, images that are newly right.

    Returns:
        (groups,) float, the p-values of exact McNemar tests, corrected for their number by Holm.
    """
    pairs = zip(losses, gains, strict=True)
    return holm(np.array([_p_value(int(lost), int(won)) for lost, won in pairs]))


def holm(p_values: np.ndarray) -> np.ndarray:
    """Return p-values corrected for their number (Holm 1979)."""
    order = np.argsort(p_values)
    stepped = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1)).clip(0, 1)
    adjusted = np.empty_like(stepped)
    adjusted[order] = stepped
    return adjusted


def _p_value(losses: int, gains: int) -> float:
    changes = losses + gains
    return float(binomtest(losses, changes, alternative="greater").pvalue) if changes else 1.0
