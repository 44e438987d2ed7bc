"""Column names and bounds go in; Great Expectations suites over an inventory come out.

Each expectation carries `meta["rule"]`, the name of the setting that governs it, and a description
that says in one sentence what it wants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import great_expectations.expectations as gxe
from great_expectations.expectations.row_conditions import Column

from expectations.custom import (
    ExpectColumnValueCountRatioToBeAtMost,
    ExpectColumnValueCountsToBeAtLeast,
    ExpectColumnValuesToDifferInSpelling,
)
from expectations.distributions import (
    ExpectColumnDistributionToStayClose,
    ExpectColumnValueSharesToStayClose,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from great_expectations.expectations.expectation import Expectation


def _about(rule: str, severity: str, description: str) -> dict[str, Any]:
    return {"severity": severity, "description": description, "meta": {"rule": rule}}


def no_problems(  # noqa: PLR0913 - one expectation, said in full
    rule: str,
    column: str,
    description: str,
    *,
    severity: str,
    mostly: float = 1.0,
    not_where: tuple[str, str] | None = None,
) -> Expectation:
    """A column that says in words what is wrong with a row is empty, or mostly so.

    Rows of which another column has a certain value, `not_where`, do not count.
    """
    condition: dict[str, Any] = {}
    if not_where is not None:
        other, value = not_where
        condition["row_condition"] = Column(other) != value
    return gxe.ExpectColumnValuesToBeNull(
        column=column, mostly=mostly, **condition, **_about(rule, severity, description)
    )


def labelled(column: str, *, severity: str) -> Expectation:
    """Every file has a label."""
    return gxe.ExpectColumnValuesToNotBeNull(
        column=column, **_about("labelled", severity, "Every file has a label.")
    )


def distinct_spellings(column: str, *, severity: str) -> Expectation:
    """No two classes differ only by case, blanks or Unicode form."""
    return ExpectColumnValuesToDifferInSpelling(
        column=column,
        **_about(
            "label_names",
            severity,
            "No two classes differ only by case, blanks or Unicode form.",
        ),
    )


def values_in(
    rule: str, column: str, allowed: list[Any], description: str, *, severity: str
) -> Expectation:
    """Every value of a column is one of `allowed`."""
    return gxe.ExpectColumnValuesToBeInSet(
        column=column, value_set=allowed, **_about(rule, severity, description)
    )


def numbers_between(  # noqa: PLR0913 - one expectation, said in full
    rule: str,
    column: str,
    *,
    low: float | None = None,
    high: float | None = None,
    severity: str,
    description: str,
) -> Expectation:
    """Every value of a column lies in [low, high]; the description may name the `{bounds}`."""
    bounds = f"at least {low}" if high is None else f"at most {high}"
    if low is not None and high is not None:
        bounds = f"between {low} and {high}"
    return gxe.ExpectColumnValuesToBeBetween(
        column=column,
        min_value=low,
        max_value=high,
        **_about(rule, severity, description.format(bounds=bounds)),
    )


def classes_large_enough(column: str, *, min_count: int, severity: str) -> Expectation:
    """Every class has at least `min_count` images."""
    return ExpectColumnValueCountsToBeAtLeast(
        column=column,
        min_count=min_count,
        **_about("class_size", severity, f"Every class has at least {min_count} images."),
    )


def classes_balanced(column: str, *, max_ratio: float, severity: str) -> Expectation:
    """The largest class is at most `max_ratio` times the smallest."""
    return ExpectColumnValueCountRatioToBeAtMost(
        column=column,
        max_ratio=max_ratio,
        **_about(
            "class_balance",
            severity,
            f"The largest class has at most {max_ratio:g} times the images of the smallest.",
        ),
    )


def classes_present(
    rule: str, column: str, classes: Iterable[str], description: str, *, severity: str
) -> Expectation:
    """A column of labels names every class."""
    return gxe.ExpectColumnDistinctValuesToContainSet(
        column=column, value_set=sorted(classes), **_about(rule, severity, description)
    )


def shares_stay(
    column: str, reference: dict[str, float], *, max_psi: float, severity: str
) -> Expectation:
    """Every class keeps its share."""
    return ExpectColumnValueSharesToStayClose(
        column=column,
        reference=reference,
        max_psi=max_psi,
        **_about(
            "class_shares",
            severity,
            f"The share of each class stays close to its reference (index of at most {max_psi:g}).",
        ),
    )


def distribution_stays(  # noqa: PLR0913 - one expectation, said in full
    rule: str,
    column: str,
    quantiles: list[float],
    *,
    count: int,
    max_distance: float,
    severity: str,
    description: str,
) -> Expectation:
    """A measure is distributed as `count` values with these quantiles were."""
    return ExpectColumnDistributionToStayClose(
        column=column,
        reference_quantiles=quantiles,
        reference_count=count,
        max_distance=max_distance,
        **_about(rule, severity, description),
    )


def enough_rows(rule: str, least: int, description: str, *, severity: str) -> Expectation:
    """There are at least so many files."""
    return gxe.ExpectTableRowCountToBeBetween(
        min_value=least, **_about(rule, severity, description)
    )


def lowest_at_most(
    rule: str, column: str, bound: float, description: str, *, severity: str
) -> Expectation:
    """The lowest value of a column is at most `bound`."""
    return gxe.ExpectColumnMinToBeBetween(
        column=column, max_value=bound, **_about(rule, severity, description)
    )
