"""A frame, the gate's settings and the last accepted inventory go in; expectations come out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from expectations import suites
from tasks.inventory.columns import LABEL, readable
from tasks.validation.baseline import MEASURES
from tasks.validation.derived_columns import DAYS_SINCE_NEW, MOVED_FROM, READABLE_LABEL, new_only

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from great_expectations.expectations.expectation import Expectation

    from tasks.config.gate import GateConfig
    from tasks.validation.context import Context

QUANTILES = 201
# With fewer newcomers or accepted images a distribution tells nothing.
ENOUGH_TO_COMPARE = 30


def shares_expectations(gate: GateConfig, context: Context) -> Iterator[Expectation]:
    """Compare the share of each class with the declared ones, or with the last accepted ones."""
    rule = gate.class_shares
    reference: dict[str, float] = dict(rule.declared or {})
    if not reference and context.baseline is not None:
        counts = readable(context.baseline.files)[LABEL].value_counts()
        reference = {str(label): float(count) for label, count in counts.items()}
    if reference:
        yield suites.shares_stay(
            READABLE_LABEL, reference, max_psi=float(rule.max_psi), severity=rule.severity
        )


def history_expectations(
    frame: pd.DataFrame, gate: GateConfig, context: Context
) -> Iterator[Expectation]:
    """Compare with the last accepted inventory; nothing is expected where there is none."""
    if context.baseline is None:
        return
    files = context.baseline.files
    share = float(gate.relabelled.max_share)
    yield suites.no_problems(
        "relabelled",
        MOVED_FROM,
        f"At most {share:.1%} of the images changed their class since the last accepted run.",
        mostly=1 - share,
        severity=gate.relabelled.severity,
    )
    shrink = float(gate.volume.max_shrink)
    yield suites.enough_rows(
        "volume",
        math.ceil(len(files) * (1 - shrink)),
        f"At most {shrink:.0%} of the {len(files)} files of the last accepted run are gone.",
        severity=gate.volume.severity,
    )
    yield suites.lowest_at_most(
        "staleness",
        DAYS_SINCE_NEW,
        gate.staleness.max_days,
        f"Something new came in the last {gate.staleness.max_days:g} days.",
        severity=gate.staleness.severity,
    )
    shown = readable(files)
    if len(shown) >= ENOUGH_TO_COMPARE:
        for measure in MEASURES:
            yield from _drift(frame, gate, measure, shown)


def _drift(
    frame: pd.DataFrame, gate: GateConfig, measure: str, before: pd.DataFrame
) -> Iterator[Expectation]:
    rule = getattr(gate, f"drift_{measure}")
    populations = (
        (measure, float(rule.max_distance), "all images"),
        (new_only(measure), rule.max_distance_of_new, "the newcomers"),
    )
    for column, bound, who in populations:
        measured = frame.loc[frame[column].notna(), READABLE_LABEL]
        if len(measured) < ENOUGH_TO_COMPARE:
            continue
        quantiles, count = _reference(before, measure, measured)
        yield suites.distribution_stays(
            f"drift_{measure}",
            column,
            quantiles,
            count=count,
            max_distance=bound,
            severity=rule.severity,
            description=f"The {measure} of {who} is distributed as in the last accepted run"
            f" (distance of at most {bound:.3g}).",
        )


def _reference(
    before: pd.DataFrame, measure: str, labels_now: pd.Series
) -> tuple[list[float], int]:
    """Return quantiles of the accepted images, and how many images they stand for.

    Classes count as much as they do now: where one has grown, its looks are no drift.
    """
    now = labels_now.value_counts(normalize=True)
    then = before[LABEL].value_counts(normalize=True)
    weights = before[LABEL].map(now / then).fillna(0.0).to_numpy("float64")
    if weights.sum() == 0:
        weights = np.ones(len(before))
    values = before[measure].to_numpy("float64")
    steps = np.linspace(0, 1, QUANTILES)
    quantiles = np.quantile(values, steps, method="inverted_cdf", weights=weights)
    # Kish's effective size: a few heavy images tell less than many light ones.
    return quantiles.tolist(), int(weights.sum() ** 2 / (weights**2).sum())
