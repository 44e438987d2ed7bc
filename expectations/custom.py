"""Expectations for image data sets that Great Expectations doesn't ship.

Importing this module registers them, so that any GX context can open suites that use them.
"""

from __future__ import annotations

import math
import unicodedata
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnAggregateExpectation
from great_expectations.expectations.metrics.column_aggregate_metric_provider import (
    ColumnAggregateMetricProvider,
    column_aggregate_value,
)

if TYPE_CHECKING:
    import pandas as pd


class ColumnCountsByValue(ColumnAggregateMetricProvider):
    """How often each value of a column occurs."""

    metric_name = "column.counts_by_value"

    @column_aggregate_value(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, **_: Any) -> dict[str, int]:  # noqa: N805 - GX makes it a class method
        return {str(value): int(count) for value, count in column.value_counts().items()}


# Great Expectations computes metrics; an expectation only judges them. So a metric is registered
# once, and several expectations can depend on it.


class ExpectationOfOneMetric(ColumnAggregateExpectation, ABC):
    """An expectation that depends on a single metric."""

    @abstractmethod
    def judge(self, metric: Any) -> dict[str, Any]:
        """Return success and result in the form that Great Expectations requires."""

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG002 - GX's signature
        execution_engine: Any = None,  # noqa: ARG002 - GX's signature
    ) -> dict[str, Any]:
        return self.judge(metrics[self.metric_dependencies[0]])


class ExpectationOfColumnCounts(ExpectationOfOneMetric, ABC):
    """An expectation that depends on how often each value of a column occurs."""

    metric_dependencies: ClassVar[tuple[str, ...]] = ("column.counts_by_value",)

    @abstractmethod
    def judge(self, counts: dict[str, int]) -> dict[str, Any]:
        """Return success and result in the form that Great Expectations requires."""


class ExpectColumnValueCountsToBeAtLeast(ExpectationOfColumnCounts):
    """Expect every value of a column to occur at least `min_count` times.

    With `column="label"`: every class has enough images. The observed value is the smallest
    count; the details list every value below the bound with its count. Values that are `ignored`
    may be rarer: another expectation names them.
    """

    min_count: int
    ignored: tuple[str, ...] = ()
    success_keys: ClassVar[tuple[str, ...]] = ("min_count", "ignored")

    def judge(self, counts: dict[str, int]) -> dict[str, Any]:
        """Return success and result in the form that Great Expectations requires."""
        bounds = self._get_success_kwargs()
        min_count: int = bounds["min_count"]
        counts = {value: count for value, count in counts.items() if value not in bounds["ignored"]}
        small = {value: count for value, count in counts.items() if count < min_count}
        return {
            "success": not small,
            "result": {
                "observed_value": min(counts.values(), default=0),
                "details": {"below": small},
            },
        }


class ExpectColumnToHoldSeveralValues(ExpectationOfColumnCounts):
    """Expect at least two different values in a column.

    With `column="label"`: there is something to tell apart. The details name a single value.
    """

    success_keys: ClassVar[tuple[str, ...]] = ()

    def judge(self, counts: dict[str, int]) -> dict[str, Any]:
        """Return success and result in the form that Great Expectations requires."""
        return {
            "success": len(counts) > 1,
            "result": {"observed_value": len(counts), "details": {"only": dict(counts)}},
        }


class ExpectColumnToTellModelsApart(ExpectationOfColumnCounts):
    """Expect a column to hold enough values for two models that are tried on them to differ.

    With the labels of the test split: the fewest answers in which two models must differ, all in
    favour of one of them, for the difference to be more than chance (exact sign test of the paired
    answers, two-sided, at `significance`), must be at most `max_noise` of all. The observed value
    is that share: smaller differences of accuracy are noise, whatever the models. The details hold
    the number of values.
    """

    max_noise: float
    significance: float = 0.05
    success_keys: ClassVar[tuple[str, ...]] = ("max_noise", "significance")

    def judge(self, counts: dict[str, int]) -> dict[str, Any]:
        """Return success and result in the form that Great Expectations requires."""
        bounds = self._get_success_kwargs()
        # Of n differences all go one way with a probability of 2 / 2**n: 6 of them for 0.05.
        differing = math.ceil(math.log2(2 / bounds["significance"]))
        count = sum(counts.values())
        noise = differing / max(1, count)
        return {
            "success": noise <= bounds["max_noise"],
            "result": {"observed_value": noise, "details": {"count": count}},
        }


class ExpectColumnValuesToDifferInSpelling(ExpectationOfColumnCounts):
    """Expect no two values of a column to differ only by case, whitespace or Unicode form.

    With `column="label"`: `cat`, `Cat` and `cat ` are one class in three spellings. The observed
    value is the number of such groups; the details list them.
    """

    success_keys: ClassVar[tuple[str, ...]] = ()

    def judge(self, counts: dict[str, int]) -> dict[str, Any]:
        """Return success and result in the form that Great Expectations requires."""
        spellings: dict[str, list[str]] = {}
        for value in sorted(counts):
            # NFKC first: it turns full-width letters into those that casefold() knows.
            key = "".join(unicodedata.normalize("NFKC", value).casefold().split())
            spellings.setdefault(key, []).append(value)
        alike = [values for values in spellings.values() if len(values) > 1]
        return {
            "success": not alike,
            "result": {"observed_value": len(alike), "details": {"alike": alike}},
        }


class ExpectColumnValueCountRatioToBeAtMost(ExpectationOfColumnCounts):
    """Expect the most frequent value to occur at most `max_ratio` times as often as the rarest.

    With `column="label"`: class balance. The details name both values with their counts.
    """

    max_ratio: float
    success_keys: ClassVar[tuple[str, ...]] = ("max_ratio",)

    def judge(self, counts: dict[str, int]) -> dict[str, Any]:
        """Return success and result in the form that Great Expectations requires."""
        # No values at all break other rules, which say so better than a division by zero.
        if not counts:
            return {"success": True, "result": {"observed_value": None}}
        largest = max(counts, key=counts.__getitem__)
        smallest = min(counts, key=counts.__getitem__)
        ratio = counts[largest] / counts[smallest]
        return {
            "success": ratio <= self._get_success_kwargs()["max_ratio"],
            "result": {
                "observed_value": ratio,
                "details": {
                    "largest": {largest: counts[largest]},
                    "smallest": {smallest: counts[smallest]},
                },
            },
        }
