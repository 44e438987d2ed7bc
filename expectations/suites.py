"""Column names and bounds go in; the expectations of the rules come out.

Each expectation has `meta["rule"]`, the name of the setting that governs it, and a description of
one sentence that says what it demands. Some also have `meta["observed"]`, a phrase to report what
was found with, in which `{offending}` and `{total}` stand for numbers of files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import great_expectations.expectations as gxe
from great_expectations.expectations.row_conditions import Column

from expectations.custom import (
    ExpectColumnToHoldSeveralValues,
    ExpectColumnToTellModelsApart,
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


def _common(
    rule: str, severity: str, description: str, observed: str | None = None
) -> dict[str, Any]:
    meta = {"rule": rule} if observed is None else {"rule": rule, "observed": observed}
    return {"severity": severity, "description": description, "meta": meta}


def no_problems(  # noqa: PLR0913 - everything one expectation is made of
    rule: str,
    column: str,
    description: str,
    *,
    severity: str,
    mostly: float = 1.0,
    not_where: tuple[str, str] | None = None,
    observed: str | None = None,
) -> Expectation:
    """A column that describes what is wrong with a row is empty, or mostly empty.

    Rows whose other column has a certain value, given as `not_where`, don't count.
    """
    condition: dict[str, Any] = {}
    if not_where is not None:
        other, value = not_where
        condition["row_condition"] = Column(other) != value
    return gxe.ExpectColumnValuesToBeNull(
        column=column, mostly=mostly, **condition, **_common(rule, severity, description, observed)
    )


def few_problems(  # noqa: PLR0913 - everything one expectation is made of
    rule: str,
    column: str,
    description: str,
    *,
    max_share: float,
    severity: str,
    not_where: tuple[str, str] | None = None,
) -> Expectation:
    """The same, where a share of the rows may have a problem: `{share}` in the description."""
    return no_problems(
        rule,
        column,
        description.format(share=max_share),
        severity=severity,
        mostly=1 - max_share,
        not_where=not_where,
    )


def labelled(column: str, *, severity: str) -> Expectation:
    """Every file has a label."""
    return gxe.ExpectColumnValuesToNotBeNull(
        column=column, **_common("labelled", severity, "Every file has a label.")
    )


def distinct_spellings(column: str, *, severity: str) -> Expectation:
    """No two class names differ only by case, whitespace or Unicode form."""
    return ExpectColumnValuesToDifferInSpelling(
        column=column,
        **_common(
            "label_names",
            severity,
            "No two class names differ only by case, whitespace or Unicode form.",
        ),
    )


def values_in(  # noqa: PLR0913 - everything one expectation is made of
    rule: str,
    column: str,
    allowed: list[Any],
    description: str,
    *,
    severity: str,
    observed: str | None = None,
) -> Expectation:
    """Every value of a column is one of `allowed`."""
    return gxe.ExpectColumnValuesToBeInSet(
        column=column, value_set=allowed, **_common(rule, severity, description, observed)
    )


def numbers_between(  # noqa: PLR0913 - everything one expectation is made of
    rule: str,
    column: str,
    *,
    low: float | None = None,
    high: float | None = None,
    severity: str,
    description: str,
    observed: str | None = None,
) -> Expectation:
    """Every value of a column lies in [low, high]; the description may contain `{bounds}`."""
    bounds = f"at least {low}" if high is None else f"at most {high}"
    if low is not None and high is not None:
        bounds = f"between {low} and {high}"
    return gxe.ExpectColumnValuesToBeBetween(
        column=column,
        min_value=low,
        max_value=high,
        **_common(rule, severity, description.format(bounds=bounds), observed),
    )


def several_classes(column: str, *, severity: str) -> Expectation:
    """There are at least two classes."""
    return ExpectColumnToHoldSeveralValues(
        column=column, **_common("several_classes", severity, "There are at least two classes.")
    )


def classes_large_enough(
    column: str, *, min_count: int, severity: str, where: str = "", ignored: Iterable[str] = ()
) -> Expectation:
    """Every class has at least `min_count` images; those in `ignored` don't count."""
    return ExpectColumnValueCountsToBeAtLeast(
        column=column,
        min_count=min_count,
        ignored=tuple(sorted(ignored)),
        **_common("class_size", severity, f"Every class has at least {min_count} images{where}."),
    )


def classes_balanced(
    column: str, *, max_ratio: float, severity: str, where: str = ""
) -> Expectation:
    """The largest class is at most `max_ratio` times the smallest."""
    return ExpectColumnValueCountRatioToBeAtMost(
        column=column,
        max_ratio=max_ratio,
        **_common(
            "class_balance",
            severity,
            f"The largest class has at most {max_ratio:g} times as many images as the"
            f" smallest{where}.",
        ),
    )


def models_tellable(column: str, *, max_noise: float, severity: str) -> Expectation:
    """The test split is large enough to tell two models apart."""
    return ExpectColumnToTellModelsApart(
        column=column,
        max_noise=max_noise,
        **_common(
            "test_size",
            severity,
            "The test split can tell models apart whose accuracies differ by"
            f" {100 * max_noise:g} points.",
        ),
    )


def classes_present(
    rule: str, column: str, classes: Iterable[str], description: str, *, severity: str
) -> Expectation:
    """A column of labels contains every class."""
    return gxe.ExpectColumnDistinctValuesToContainSet(
        column=column, value_set=sorted(classes), **_common(rule, severity, description)
    )


def shares_stay(  # noqa: PLR0913 - everything one expectation is made of
    rule: str,
    column: str,
    reference: dict[str, float],
    *,
    max_psi: float,
    severity: str,
    of: str = "its reference",
    only_common: bool = False,
) -> Expectation:
    """Every class has the share that it has in the reference."""
    return ExpectColumnValueSharesToStayClose(
        column=column,
        reference=reference,
        max_psi=max_psi,
        only_common=only_common,
        **_common(
            rule,
            severity,
            f"The share of each class is close to {of} (population stability index of at"
            f" most {max_psi:g}).",
        ),
    )


def distribution_stays(  # noqa: PLR0913 - everything one expectation is made of
    rule: str,
    column: str,
    quantiles: list[float],
    *,
    count: int,
    max_distance: float,
    severity: str,
    description: str,
) -> Expectation:
    """A column is distributed as `count` earlier values with these quantiles."""
    return ExpectColumnDistributionToStayClose(
        column=column,
        reference_quantiles=quantiles,
        reference_count=count,
        max_distance=max_distance,
        **_common(rule, severity, description),
    )


def enough_rows(rule: str, min_rows: int, description: str, *, severity: str) -> Expectation:
    """There are at least `min_rows` files."""
    return gxe.ExpectTableRowCountToBeBetween(
        min_value=min_rows, **_common(rule, severity, description)
    )


def lowest_at_most(
    rule: str, column: str, bound: float, description: str, *, severity: str
) -> Expectation:
    """The lowest value of a column is at most `bound`."""
    return gxe.ExpectColumnMinToBeBetween(
        column=column, max_value=bound, **_common(rule, severity, description)
    )
