"""Column names and bounds go in; Great Expectations suites over an inventory come out.

Each expectation carries `meta["rule"]`, the name of the setting that governs it, and a description
that says in one sentence what it wants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import great_expectations.expectations as gxe

from expectations.custom import (
    ExpectColumnValueCountRatioToBeAtMost,
    ExpectColumnValueCountsToBeAtLeast,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from great_expectations.expectations.expectation import Expectation


def _about(rule: str, severity: str, description: str) -> dict[str, Any]:
    return {"severity": severity, "description": description, "meta": {"rule": rule}}


def no_errors(column: str, *, severity: str) -> Expectation:
    """Every file decodes: the column of reasons is empty."""
    return gxe.ExpectColumnValuesToBeNull(
        column=column, **_about("decodes", severity, "Every file decodes to a picture.")
    )


def labelled(column: str, *, severity: str) -> Expectation:
    """Every file has a label."""
    return gxe.ExpectColumnValuesToNotBeNull(
        column=column, **_about("labelled", severity, "Every file has a label.")
    )


def values_in(
    rule: str, column: str, allowed: Iterable[str], *, severity: str, what: str
) -> Expectation:
    """Every value of a column is one of `allowed`."""
    wanted = sorted(allowed)
    return gxe.ExpectColumnValuesToBeInSet(
        column=column,
        value_set=wanted,
        **_about(rule, severity, f"Every {what} is {' or '.join(wanted)}."),
    )


def sides_between(
    columns: Iterable[str], *, low: int | None, high: int | None, severity: str
) -> list[Expectation]:
    """Every height and every width lies in [low, high] pixels."""
    bounds = f"at least {low}" if high is None else f"at most {high}"
    if low is not None and high is not None:
        bounds = f"between {low} and {high}"
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column=column,
            min_value=low,
            max_value=high,
            **_about("sizes", severity, f"Every {column} is {bounds} pixels."),
        )
        for column in columns
    ]


def classes_large_enough(column: str, *, min_count: int, severity: str) -> Expectation:
    """Every class has at least `min_count` pictures."""
    return ExpectColumnValueCountsToBeAtLeast(
        column=column,
        min_count=min_count,
        **_about("class_size", severity, f"Every class has at least {min_count} pictures."),
    )


def classes_balanced(column: str, *, max_ratio: float, severity: str) -> Expectation:
    """The largest class is at most `max_ratio` times the smallest."""
    return ExpectColumnValueCountRatioToBeAtMost(
        column=column,
        max_ratio=max_ratio,
        **_about(
            "class_balance",
            severity,
            f"The largest class has at most {max_ratio:g} times the pictures of the smallest.",
        ),
    )


def classes_in_split(column: str, classes: Iterable[str], *, severity: str) -> Expectation:
    """A column that holds the labels of one split names every class."""
    return gxe.ExpectColumnDistinctValuesToContainSet(
        column=column,
        value_set=sorted(classes),
        **_about(
            "classes_in_splits",
            severity,
            f"Every class has pictures in the {column.partition('_')[2]} split.",
        ),
    )
