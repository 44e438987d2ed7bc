"""Answers of challenger and champion go in; checks of slices of the test images come out.

An average hides that a model fails on the darkest photographs, or on those of one folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tasks.evaluation.slices import slices_of
from tasks.inventory.columns import LABEL, SHA256
from tasks.model_gate.class_rules import right_of_both
from tasks.model_gate.many_tests import corrected_p_values
from tasks.runs.check import Check

if TYPE_CHECKING:
    from tasks.config.promotion import PromotionConfig
    from tasks.evaluation.evaluation_record import Evaluation

NAMED = 3


def check_slices(
    evaluation: Evaluation, champion: Evaluation | None, settings: PromotionConfig
) -> tuple[Check, ...]:
    """Judge the slices of the test images.

    Args:
        evaluation: of the new model, on the test split.
        champion: of the model in production; None without one.
        settings: a rule whose setting asks for nothing is left out.
    """
    checks = []
    if settings.min_slice_accuracy and evaluation.slices:
        checks.append(_check_worst_slice(evaluation, settings.min_slice_accuracy))
    if champion is not None:
        losses = _losses(evaluation, champion)
        if not losses.empty:
            checks.append(_check_slice_losses(losses, settings.confidence_level))
    return tuple(checks)


def _check_worst_slice(evaluation: Evaluation, least: float) -> Check:
    # Judged by the upper end of the interval: a slice of ten images proves little.
    below = [row for row in evaluation.slices if row["high"] < least]
    named = min(below or evaluation.slices, key=lambda row: row["accuracy"])
    return Check(
        rule="worst_slice",
        threshold=f"no slice whose accuracy is certainly below {least:.4f}",
        observed=f"{named['property']} {named['value']}: {named['accuracy']:.4f}, at most"
        f" {named['high']:.4f}, on {named['images']} images",
        success=not below,
        remedy="Look at the images of this slice: are there enough like them to train on?",
    )


def _losses(evaluation: Evaluation, champion: Evaluation) -> pd.DataFrame:
    """Return slice, losses and gains of each slice but the classes, which have a rule of their own.

    By the new evaluation's slices: the champion's may have been made before there were any.
    """
    right = right_of_both(evaluation, champion)
    table = pd.read_parquet(evaluation.predictions)
    table = table.drop_duplicates([SHA256, LABEL]).astype({LABEL: "str"})
    table = table.set_index([SHA256, LABEL]).loc[right.index]
    lost, won = ~right["now"] & right["before"], right["now"] & ~right["before"]
    rows = [
        (f"{name} {value}", int(lost[inside].sum()), int(won[inside].sum()))
        for name, value, inside in slices_of(table)
    ]
    return pd.DataFrame(rows, columns=["slice", "losses", "gains"])


def _check_slice_losses(losses: pd.DataFrame, level: float) -> Check:
    adjusted = corrected_p_values(losses["losses"].tolist(), losses["gains"].tolist())
    lost = np.flatnonzero(adjusted < (1 - level) / 2)
    named = lost[np.argsort(adjusted[lost])] if len(lost) else [int(np.argmin(adjusted))]
    return Check(
        rule="no_slice_lost",
        severity="warning",
        threshold="no slice worse than the champion's for certain (exact McNemar tests, corrected"
        f" for {len(losses)} slices)",
        observed="; ".join(
            f"{losses['slice'].iloc[each]}: {losses['losses'].iloc[each]} newly wrong and"
            f" {losses['gains'].iloc[each]} newly right (p = {adjusted[each]:.2g})"
            for each in named[:NAMED]
        ),
        success=not len(lost),
        remedy="The champion stays in production. Compare the images of this slice with earlier"
        " ones.",
    )
