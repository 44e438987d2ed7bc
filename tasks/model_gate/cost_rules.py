"""Evaluations of challenger and champion go in; checks of robustness, latency and size come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import ttest_1samp

from tasks.evaluation.corruptions import CORRUPTIONS, SEVERITIES
from tasks.evaluation.robustness import ROBUST
from tasks.inventory.columns import LABEL, SHA256
from tasks.runs.check import Check

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.config.promotion import PromotionConfig
    from tasks.evaluation.evaluation_record import Evaluation

CORRUPTED_WAYS = len(CORRUPTIONS) * len(SEVERITIES)
MEBIBYTE = 2**20


def check_costs(
    evaluation: Evaluation, champion: Evaluation | None, settings: PromotionConfig
) -> tuple[Check, ...]:
    """Judge what a gain of accuracy may not cost.

    Args:
        evaluation: of the new model, on the test split.
        champion: of the model in production; without one nothing is judged.
        settings: a rule whose setting allows anything is left out.
    """
    if champion is None:
        return ()
    checks = []
    if settings.max_robustness_loss < 1:
        lost = _paired_losses(evaluation, champion)
        if len(lost) > 1:
            checks.append(_check_robustness(lost, settings))
    if settings.max_latency_ratio and evaluation.latency and champion.latency:
        checks.append(
            _check_ratio(
                "latency",
                evaluation.latency,
                champion.latency,
                settings.max_latency_ratio,
                shown=lambda seconds: f"{1_000 * seconds:.1f} ms an image",
            )
        )
    if settings.max_size_ratio and evaluation.file_bytes and champion.file_bytes:
        checks.append(
            _check_ratio(
                "file_size",
                evaluation.file_bytes,
                champion.file_bytes,
                settings.max_size_ratio,
                shown=lambda size: f"{size / MEBIBYTE:.1f} MiB",
            )
        )
    return tuple(checks)


def _paired_losses(evaluation: Evaluation, champion: Evaluation) -> np.ndarray:
    """Return by how much the champion is more robust on each image that both have seen corrupted.

    Returns:
        (images,) float in [-1, 1]: the difference of the shares of corruptions under which it is
        classified correctly. Empty where one of them was evaluated without any.
    """
    shares = []
    for each in (champion, evaluation):
        table = pd.read_parquet(each.predictions)
        if ROBUST not in table:
            return np.empty(0)
        keys = [table[SHA256], table[LABEL].astype("str")]
        shares.append(table[ROBUST].groupby(keys).first().dropna())
    before, now = shares
    lost: np.ndarray = (before - now).dropna().to_numpy("float64")
    return lost


def _check_robustness(lost: np.ndarray, settings: PromotionConfig) -> Check:
    low, high = _interval(lost, settings.confidence_level)
    most = settings.max_robustness_loss
    return Check(
        rule="robustness",
        severity="warning",
        threshold=f"not more than {100 * most:.2f} points of accuracy on corrupted images lost to"
        " the champion for certain",
        observed=f"{-100 * lost.mean():+.2f} points ({settings.confidence_level:.0%} interval"
        f" {-100 * high:+.2f} to {-100 * low:+.2f}) on {len(lost)} images, each corrupted in"
        f" {CORRUPTED_WAYS} ways",
        success=low <= most,
        remedy="The champion stays in production. The report shows under which corruptions the new"
        " model fails; augmentation helps against most of them.",
    )


def _interval(values: np.ndarray, level: float) -> tuple[float, float]:
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    interval = ttest_1samp(values, 0).confidence_interval(level)
    return float(interval.low), float(interval.high)


def _check_ratio(
    rule: str, now: float, before: float, most: float, *, shown: Callable[[float], str]
) -> Check:
    return Check(
        rule=rule,
        severity="warning",
        threshold=f"at most {most:g} times the champion's {shown(before)}",
        observed=f"{shown(now)}, {now / before:.2f} times",
        success=now <= most * before,
        remedy="The champion stays in production. Choose a smaller training.model, or raise"
        f" promotion.max_{'size' if rule == 'file_size' else rule}_ratio.",
    )
