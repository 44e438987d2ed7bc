"""An inventory, the gate's settings and the last accepted one go in; expectations come out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from expectations import suites
from tasks.inventory.columns import LABEL, readable
from tasks.validation.baseline import MEASURES
from tasks.validation.derived_columns import DAYS_SINCE_NEW, MOVED_FROM, READABLE_LABEL, new_only
from tasks.validation.embedding_axes import POSITIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from great_expectations.expectations.expectation import Expectation

    from tasks.config.gate import GateConfig
    from tasks.config.gate_rules import DriftRule
    from tasks.validation.context import Context

# A resolution of 0.005 in the distance, well below any useful threshold.
QUANTILES = 201
# With fewer new or accepted images, distributions differ by chance.
MIN_TO_COMPARE = 30


def shares_expectations(gate: GateConfig, context: Context) -> Iterator[Expectation]:
    """Compare the share of each class with its declared or its last accepted share."""
    rule = gate.class_shares
    reference: dict[str, float] = dict(rule.declared or {})
    if not reference and context.baseline is not None:
        counts = readable(context.baseline.files)[LABEL].value_counts()
        reference = {str(label): float(count) for label, count in counts.items()}
    if reference:
        yield suites.shares_stay(
            "class_shares",
            READABLE_LABEL,
            reference,
            max_psi=float(rule.max_psi),
            severity=rule.severity,
        )


def history_expectations(
    frame: pd.DataFrame, gate: GateConfig, context: Context
) -> Iterator[Expectation]:
    """Compare with the last accepted inventory; without one, expect nothing."""
    if context.baseline is None:
        return
    files = context.baseline.files
    yield suites.few_problems(
        "relabelled",
        MOVED_FROM,
        "At most {share:.1%} of the images changed their class since the last accepted run.",
        max_share=float(gate.relabelled.max_share),
        severity=gate.relabelled.severity,
    )
    shrink = float(gate.volume.max_shrink)
    yield suites.enough_rows(
        "volume",
        math.ceil(len(files) * (1 - shrink)),
        f"At most {shrink:.0%} of the {len(files)} files in the last accepted run are gone.",
        severity=gate.volume.severity,
    )
    yield suites.lowest_at_most(
        "staleness",
        DAYS_SINCE_NEW,
        gate.staleness.max_days,
        f"New images arrived in the last {gate.staleness.max_days:g} days.",
        severity=gate.staleness.severity,
    )
    accepted = readable(files)
    if len(accepted) >= MIN_TO_COMPARE:
        for measure in MEASURES:
            rule = f"drift_{measure}"
            yield from _drift(frame, measure, accepted, rule, getattr(gate, rule))
    # Only where the accepted images were embedded as these are.
    if POSITIONS[0] not in frame:
        return
    embedded = accepted[accepted[POSITIONS[0]].notna()]
    if len(embedded) >= MIN_TO_COMPARE:
        for axis in POSITIONS:
            yield from _drift(frame, axis, embedded, "drift_embedding", gate.drift_embedding)


def _drift(
    frame: pd.DataFrame, measure: str, accepted: pd.DataFrame, name: str, rule: DriftRule
) -> Iterator[Expectation]:
    # New images alone as well: a bad batch is too small to move the distribution of all images.
    populations = (
        (measure, float(rule.max_distance), "all images"),
        (new_only(measure), rule.max_distance_of_new, "new images"),
    )
    for column, bound, population in populations:
        measured = frame.loc[frame[column].notna(), READABLE_LABEL]
        if len(measured) < MIN_TO_COMPARE:
            continue
        quantiles, count = _reference(accepted, measure, measured)
        yield suites.distribution_stays(
            name,
            column,
            quantiles,
            count=count,
            max_distance=bound,
            severity=rule.severity,
            description=f"The {measure.replace('_', ' ')} of {population} is distributed as in the"
            f" last accepted run (distance at most {bound:.3g}).",
        )


def _reference(
    accepted: pd.DataFrame, measure: str, labels_now: pd.Series
) -> tuple[list[float], int]:
    """Return quantiles of the accepted images, and how many images they represent.

    Classes are weighted by their current shares: if one has grown, its features are not drift.
    """
    now = labels_now.value_counts(normalize=True)
    before = accepted[LABEL].value_counts(normalize=True)
    weights = accepted[LABEL].map(now / before).fillna(0.0).to_numpy("float64")
    # No class in common: compare with all accepted images rather than with none.
    if weights.sum() == 0:
        weights = np.ones(len(accepted))
    values = accepted[measure].to_numpy("float64")
    steps = np.linspace(0, 1, QUANTILES)
    quantiles = np.quantile(values, steps, method="inverted_cdf", weights=weights)
    # Kish's effective sample size: a few heavy images say less than many light ones.
    return quantiles.tolist(), int(weights.sum() ** 2 / (weights**2).sum())
