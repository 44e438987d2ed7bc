"""Expectations that compare a column with how it was distributed before.

Importing this module registers them, so that suites naming them can be opened by any GX context.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.metrics.column_aggregate_metric_provider import (
    ColumnAggregateMetricProvider,
    column_aggregate_value,
)
from scipy import stats

from expectations.custom import ExpectationOfColumnCounts, ExpectationOfOneMetric

if TYPE_CHECKING:
    import pandas as pd

# Below this probability of arising by chance a difference is called real.
ALPHA = 0.001
LEAST_SHARE = 1e-4


class ColumnDistanceFromReference(ColumnAggregateMetricProvider):
    """The Kolmogorov-Smirnov distance of a column from quantiles of a reference."""

    metric_name = "column.distance_from_reference"
    value_keys = ("reference_quantiles",)

    @column_aggregate_value(engine=PandasExecutionEngine)
    def _pandas(
        cls,  # noqa: N805 - GX makes it a class method
        column: pd.Series,
        reference_quantiles: list[float],
        **_: Any,
    ) -> dict[str, float]:
        values = column.dropna().to_numpy("float64")
        if not len(values):
            return {"distance": 0.0, "count": 0, "median": float("nan")}
        # float32 measures and the float64 of JSON must tie where they are the same number.
        reference = np.asarray(reference_quantiles, "float32").astype("float64")
        return {
            "distance": float(stats.ks_2samp(values, reference, method="asymp").statistic),
            "count": len(values),
            "median": float(np.median(values)),
        }


class ExpectColumnDistributionToStayClose(ExpectationOfOneMetric):
    """Expect a column to be distributed as its reference, a list of quantiles evenly apart.

    The distance is that of Kolmogorov and Smirnov. It fails only where it is larger than
    `max_distance` and can't well be chance, given the `reference_count` values the quantiles stand
    for. The details tell both medians.
    """

    reference_quantiles: list[float]
    reference_count: int
    max_distance: float
    metric_dependencies: ClassVar[tuple[str, ...]] = ("column.distance_from_reference",)
    success_keys: ClassVar[tuple[str, ...]] = (
        "reference_quantiles",
        "reference_count",
        "max_distance",
    )

    def judge(self, found: dict[str, float]) -> dict[str, Any]:
        """Return success and result, as Great Expectations wants them."""
        bounds = self._get_success_kwargs()
        size = found["count"] * bounds["reference_count"]
        size /= max(1, found["count"] + bounds["reference_count"])
        chance = float(stats.kstwobign.sf(found["distance"] * np.sqrt(size)))
        return {
            "success": found["distance"] <= bounds["max_distance"] or chance > ALPHA,
            "result": {
                "observed_value": found["distance"],
                "details": {
                    "median": found["median"],
                    "reference_median": float(np.median(bounds["reference_quantiles"])),
                    "probability_of_chance": chance,
                },
            },
        }


class ExpectColumnValueSharesToStayClose(ExpectationOfColumnCounts):
    """Expect the share of each value of a column to be about that of a reference.

    `reference` holds counts, or shares that sum up to 1. The measure is the population stability
    index; it fails only where that is above `max_psi` and a chi-square test calls it no chance.
    The details list the shares, now and before, of the values that moved most.
    """

    reference: dict[str, float]
    max_psi: float
    success_keys: ClassVar[tuple[str, ...]] = ("reference", "max_psi")

    def judge(self, counts: dict[str, int]) -> dict[str, Any]:
        """Return success and result, as Great Expectations wants them."""
        bounds = self._get_success_kwargs()
        reference: dict[str, float] = bounds["reference"]
        values = sorted(set(counts) | set(reference))
        now = np.array([counts.get(value, 0) for value in values], float)
        before = np.array([reference.get(value, 0) for value in values], float)
        shares, shares_before = now / max(now.sum(), 1), before / before.sum()
        moved = (shares - shares_before) * np.log(
            shares.clip(LEAST_SHARE) / shares_before.clip(LEAST_SHARE)
        )
        psi, chance = float(moved.sum()), _chance_of(now, before)
        most = [values[place] for place in np.argsort(-moved)[:10] if moved[place] > 0]
        return {
            "success": psi <= bounds["max_psi"] or chance > ALPHA,
            "result": {
                "observed_value": psi,
                "details": {
                    "moved": {
                        value: [
                            float(shares_before[values.index(value)]),
                            float(shares[values.index(value)]),
                        ]
                        for value in most
                    },
                    "probability_of_chance": chance,
                },
            },
        }


def _chance_of(now: np.ndarray, before: np.ndarray) -> float:
    """Return the chi-square test's probability that both come from the same shares."""
    if now.sum() == 0 or len(now) < 2:  # noqa: PLR2004 - nothing can move between fewer
        return 1.0
    if before.sum() > 1 + 1e-6:
        return float(stats.chi2_contingency(np.stack([now, before])).pvalue)
    expected = (before / before.sum()).clip(LEAST_SHARE)
    return float(stats.chisquare(now, expected / expected.sum() * now.sum()).pvalue)
