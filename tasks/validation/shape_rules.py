"""An inventory and the gate's settings go in; the expectations about sizes and modes come out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from expectations import suites
from tasks.inventory.columns import ASPECT, BIT_DEPTH, HEIGHT, MODE, ORIENTATION, WIDTH
from tasks.inventory.value_ranges import describe_value_range, value_range_of
from tasks.validation.abnormal_sizes import describe_sizes, have_one_size
from tasks.validation.derived_columns import SIZE, SIZE_PROBLEM
from tasks.validation.value_columns import CLASS_VALUES, VALUE_PROBLEM

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from great_expectations.expectations.expectation import Expectation

    from tasks.config.gate import GateConfig
    from tasks.config.gate_rules import SizesRule
    from tasks.validation.context import Context


def shape_expectations(
    frame: pd.DataFrame, gate: GateConfig, context: Context
) -> Iterator[Expectation]:
    """Return what is expected of the sizes, modes, bits, values and orientations of images."""
    value_range = context.value_range or value_range_of(frame, "auto")
    scaling = describe_value_range(frame, value_range)
    yield from _sizes(frame, gate.sizes)
    yield from _modes(frame, gate)
    yield suites.numbers_between(
        "bit_depth",
        BIT_DEPTH,
        high=gate.bit_depth.max_bits,
        description="Every image has {bounds} bits per channel.",
        severity=gate.bit_depth.severity,
        observed=None if scaling is None else f"{{offending}} of {{total}}; {scaling}",
    )
    if scaling is not None:
        yield suites.no_problems(
            "value_range",
            VALUE_PROBLEM,
            "Scaling to 8 bits leaves every image at least"
            f" {gate.value_range.min_levels:g} of 256 levels.",
            severity=gate.value_range.severity,
        )
        yield suites.no_problems(
            "class_values",
            CLASS_VALUES,
            "The values of no class of images of more than 8 bits take up more than"
            f" {gate.class_values.max_ratio:g} times those of another.",
            severity=gate.class_values.severity,
        )
    yield suites.numbers_between(
        "exif_orientation",
        ORIENTATION,
        low=1,
        high=1,
        description="No image is rotated by its EXIF orientation.",
        severity=gate.exif_orientation.severity,
    )
    yield from _size_bounds(gate.sizes)


def _sizes(frame: pd.DataFrame, rule: SizesRule) -> Iterator[Expectation]:
    found = describe_sizes(frame)
    if rule.allowed == "auto" and not have_one_size(frame[SIZE]):
        yield suites.no_problems(
            "sizes",
            SIZE_PROBLEM,
            "Sizes differ, and no image is far outside of those of the others.",
            severity=rule.severity,
            observed=f"{found}; {{offending}} far outside",
        )
        return
    names = _allowed_names(frame[SIZE], "uniform" if rule.allowed == "auto" else rule.allowed)
    if names:
        yield suites.values_in(
            "sizes",
            SIZE,
            names,
            f"Every image size is {' or '.join(names)}.",
            severity=rule.severity,
            observed=f"{{offending}} of {{total}}; {found}",
        )


def _modes(frame: pd.DataFrame, gate: GateConfig) -> Iterator[Expectation]:
    names = _allowed_names(frame[MODE], gate.modes.allowed)
    if names:
        yield suites.values_in(
            "modes",
            MODE,
            names,
            f"Every mode is {' or '.join(names)}.",
            severity=gate.modes.severity,
        )


def _size_bounds(rule: SizesRule) -> Iterator[Expectation]:
    """Bound sides and aspect ratios where bounds are set."""
    # One expectation per bounded column, so that each names its own files.
    for column, low, high, unit in (
        (HEIGHT, rule.min_side, rule.max_side, " pixels"),
        (WIDTH, rule.min_side, rule.max_side, " pixels"),
        (ASPECT, rule.min_aspect, rule.max_aspect, ""),
    ):
        if low is not None or high is not None:
            yield suites.numbers_between(
                "sizes",
                column,
                low=low,
                high=high,
                description=f"Every {column} is {{bounds}}{unit}.",
                severity=rule.severity,
            )


def _allowed_names(values: pd.Series, allowed: str | list[Any]) -> list[str]:
    """Return the values that are allowed; none where any value is."""
    if allowed == "uniform":
        # The most frequent value is taken for the intended one, so that the exceptions are named.
        return [str(value) for value in values.mode().head(1)]
    if isinstance(allowed, str):
        return []
    return sorted(
        value if isinstance(value, str) else "x".join(map(str, value)) for value in allowed
    )
