"""Expectations that compare the distribution of a column with a reference.

Importing this module registers them, so that any GX context can open suites that use them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.metrics.column_aggregate_metric_provider import (
    ColumnAggregateMetricProvider,
    column_aggregate_value,
)

from expectations.custom import ExpectationOfColumnCounts, ExpectationOfOneMetric
from expectations.significance import (
    kolmogorov_smirnov_distance,
    kolmogorov_smirnov_p_value,
    same_shares_p_value,
    these_shares_p_value,
)

if TYPE_CHECKING:
    import pandas as pd

# Significance level: a difference with a larger p-value may be chance. It is this strict because
# each run makes about ten of these tests.
ALPHA = 0.001
# A class with no images at all would make the population stability index infinite.
MIN_SHARE = 1e-4


class ColumnDistanceFromReference(ColumnAggregateMetricProvider):
    """The Kolmogorov-Smirnov distance of a column from the quantiles of a reference."""

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
        # The column is float32, the quantiles come back from JSON as float64: equal numbers must
        # compare as equal.
        reference = np.asarray(reference_quantiles, "float32").astype("float64")
        return {
            "distance": kolmogorov_smirnov_distance(values, reference),
            "count": len(values),
            "median": float(np.median(values)),
        }


class ExpectColumnDistributionToStayClose(ExpectationOfOneMetric):
    """Expect a column to be distributed as its reference, a list of evenly spaced quantiles.

    Fails only if the Kolmogorov-Smirnov distance exceeds `max_distance` and is significant, given
    the `reference_count` values that the quantiles represent. The details hold both medians.
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

    def judge(self, metric: dict[str, float]) -> dict[str, Any]:
        """Return success and result in the form that Great Expectations requires."""
        bounds = self._get_success_kwargs()
        # The asymptotic p-value of the two-sample test, with the size of the original reference:
        # its quantiles are far fewer, and would make every difference look like chance.
        size = metric["count"] * bounds["reference_count"]
        size /= max(1, metric["count"] + bounds["reference_count"])
        p_value = kolmogorov_smirnov_p_value(metric["distance"], size)
        return {
            "success": metric["distance"] <= bounds["max_distance"] or p_value > ALPHA,
            "result": {
                "observed_value": metric["distance"],
                "details": {
                    "median": metric["median"],
                    "reference_median": float(np.median(bounds["reference_quantiles"])),
                    "p_value": p_value,
                },
            },
        }


class ExpectColumnValueSharesToStayClose(ExpectationOfColumnCounts):
    """Expect the share of each value of a column to stay close to that of a reference.

    `reference` holds counts, or shares that sum up to 1. Fails only if the population stability
    index exceeds `max_psi` and a chi-square test finds the change significant. The details list
    the shares, before and now, of the values that moved most. With `only_common`, values that the
    column or the reference lacks don't count: another expectation names them.
    """

    reference: dict[str, float]
    max_psi: float
    only_common: bool = False
    success_keys: ClassVar[tuple[str, ...]] = ("reference", "max_psi", "only_common")

    def judge(self, counts: dict[str, int]) -> dict[str, Any]:
        """Return success and result in the form that Great Expectations requires."""
        bounds = self._get_success_kwargs()
        reference: dict[str, float] = bounds["reference"]
        values = sorted(set(counts) | set(reference))
        if bounds["only_common"]:
            values = sorted(set(counts) & set(reference))
        now = np.array([counts.get(value, 0) for value in values], float)
        before = np.array([reference.get(value, 0) for value in values], float)
        shares, shares_before = now / max(now.sum(), 1), before / before.sum()
        terms = (shares - shares_before) * np.log(
            shares.clip(MIN_SHARE) / shares_before.clip(MIN_SHARE)
        )
        psi, p_value = float(terms.sum()), _chi_square_p_value(now, before)
        moved_most = [index for index in np.argsort(-terms)[:10] if terms[index] > 0]
        return {
            "success": psi <= bounds["max_psi"] or p_value > ALPHA,
            "result": {
                "observed_value": psi,
                "details": {
                    "moved": {
                        values[index]: [float(shares_before[index]), float(shares[index])]
                        for index in moved_most
                    },
                    "p_value": p_value,
                },
            },
        }


def _chi_square_p_value(now: np.ndarray, before: np.ndarray) -> float:
    """Return the p-value of both having the same shares, by a chi-square test."""
    if now.sum() == 0 or len(now) < 2:  # noqa: PLR2004 - with a single value nothing can move
        return 1.0
    # Counts vary by chance themselves; declared shares, which sum up to 1, don't.
    if before.sum() > 1 + 1e-6:
        return same_shares_p_value(now, before)
    shares = (before / before.sum()).clip(MIN_SHARE)
    return these_shares_p_value(now, shares / shares.sum())
