"""Answers of challenger and champion go in; checks of classes, images and confidences come out.

An average hides a class that a model has stopped to recognise, and images it must never miss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from tasks.evaluation.golden import GOLDEN, wrong_answers
from tasks.inventory.columns import LABEL, PATH
from tasks.model_gate.many_tests import corrected_p_values
from tasks.model_gate.versus import right_answers
from tasks.runs.check import Check

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tasks.config.schema import RetrainConfig
    from tasks.evaluation.evaluation_record import Evaluation

NAMED = 5


def check_classes(
    evaluation: Evaluation, champion: Evaluation | None, config: RetrainConfig
) -> tuple[Check, ...]:
    """Judge what the average of all images hides.

    Args:
        evaluation: of the new model, on the test split.
        champion: of the model in production; None without one.
        config: the promotion and evaluation parts. A rule whose setting asks for nothing is left
            out.
    """
    settings = config.promotion
    checks = []
    if settings.min_class_recall:
        checks.append(_check_worst_class(evaluation, settings.min_class_recall))
    if settings.max_calibration_error < 1:
        checks.append(_check_calibration(evaluation, settings.max_calibration_error))
    if champion is not None:
        right = right_of_both(evaluation, champion)
        level = settings.confidence_level
        checks += [
            _check_class_losses(right, level),
            _check_newly_wrong(right, evaluation, settings.max_newly_wrong),
        ]
    if config.evaluation.golden_dir is not None:
        checks.append(_check_golden(evaluation.predictions.with_name(GOLDEN)))
    return tuple(checks)


def newly_wrong(challenger: Path, champion: Path) -> pd.DataFrame:
    """Return the images that the champion classifies correctly and the new model doesn't.

    Args:
        challenger: Parquet of its predictions.
        champion: likewise.

    Returns:
        The new model's rows: path, label, predicted and probability; the most confident first.
    """
    table, before = pd.read_parquet(challenger), pd.read_parquet(champion)
    right = pd.concat([right_answers(table), right_answers(before)], axis="columns", join="inner")
    lost = right.index[(~right.iloc[:, 0] & right.iloc[:, 1]).to_numpy()]
    rows = table.set_index(list(right.index.names)).loc[lost].reset_index()
    return rows.drop_duplicates(list(right.index.names)).sort_values(
        "probability", ascending=False, ignore_index=True
    )


def right_of_both(evaluation: Evaluation, champion: Evaluation) -> pd.DataFrame:
    """Return whether each image that both have seen is right: columns now and before."""
    tables = {"now": evaluation, "before": champion}
    right = [
        right_answers(pd.read_parquet(each.predictions)).rename(name)
        for name, each in tables.items()
    ]
    return pd.concat(right, axis="columns", join="inner")


def _check_worst_class(evaluation: Evaluation, least: float) -> Check:
    seen = [row for row in evaluation.per_class if row["support"]]
    # Judged by the upper end of the interval: a class of three images proves nothing.
    highest = {
        row["label"]: _interval(row["recall"], row["support"], evaluation.confidence_level)
        for row in seen
    }
    worst = min(seen, key=lambda row: row["recall"])
    below = [row for row in seen if highest[row["label"]] < least]
    named = worst if not below else min(below, key=lambda row: row["recall"])
    return Check(
        rule="worst_class_recall",
        threshold=f"no class whose recall is certainly below {least:.4f}",
        observed=f"class {named['label']}: {named['recall']:.4f}, at most"
        f" {highest[named['label']]:.4f}, on {named['support']} images",
        success=not below,
        remedy="Look at the images of this class: too few, mislabelled, or unlike the others?",
    )


def _interval(recall: float, support: int, level: float) -> float:
    right = round(recall * support)
    return float(binomtest(right, support).proportion_ci(level, method="wilson").high)


def _check_calibration(evaluation: Evaluation, most: float) -> Check:
    error = evaluation.calibration_error
    return Check(
        rule="calibration",
        severity="warning",
        threshold=f"an expected calibration error of at most {most:.4f}",
        observed="not measured" if error is None else f"{error:.4f}",
        success=error is not None and error <= most,
        remedy="Its confidences don't say how often it is right: train shorter, or with more data.",
    )


def _check_class_losses(right: pd.DataFrame, level: float) -> Check:
    """Judge each class by an exact McNemar test, with Holm's correction for many classes."""
    losses = (~right["now"] & right["before"]).groupby(level=LABEL).sum()
    gains = (right["now"] & ~right["before"]).groupby(level=LABEL).sum()
    adjusted = corrected_p_values(losses.tolist(), gains.tolist())
    lost = np.flatnonzero(adjusted < (1 - level) / 2)
    worst = int(np.argmin(adjusted))
    named = lost if len(lost) else [worst]
    return Check(
        rule="no_class_lost",
        severity="warning",
        threshold="no class worse than the champion's for certain (exact McNemar tests, corrected"
        f" for {len(losses)} classes)",
        observed="; ".join(
            f"class {losses.index[each]}: {losses.iloc[each]} newly wrong and"
            f" {gains.iloc[each]} newly right (p = {adjusted[each]:.2g})"
            for each in named[:NAMED]
        ),
        success=not len(lost),
        remedy="The champion stays in production. Compare the images of this class with earlier"
        " ones.",
    )


def _check_newly_wrong(right: pd.DataFrame, evaluation: Evaluation, most: float) -> Check:
    lost = right.index[(~right["now"] & right["before"]).to_numpy()]
    table = pd.read_parquet(evaluation.predictions)
    paths = table.set_index(list(right.index.names)).loc[lost, PATH].tolist()
    share = len(lost) / max(1, len(right))
    return Check(
        rule="newly_wrong",
        severity="warning" if most < 1 else "info",
        threshold=f"at most {most:.2%} of the images newly wrong",
        observed=f"{len(lost)} of {len(right):,} ({share:.2%}){_names(paths)}",
        success=share <= most,
        remedy="The champion stays in production. The report shows these images.",
    )


def _check_golden(file: Path) -> Check:
    if not file.exists():
        return _golden_check("they were not evaluated; run again with --force", success=False)
    table = pd.read_parquet(file)
    wrong = wrong_answers(table)
    return _golden_check(
        f"{len(wrong)} of {len(table)} wrong{_names(wrong)}",
        success=not wrong and len(table) > 0,
    )


def _golden_check(observed: str, *, success: bool) -> Check:
    return Check(
        rule="golden_set",
        threshold="every image of evaluation.golden_dir right",
        observed=observed,
        success=success,
        remedy="Look at these images: a model that misses one of them must not reach production.",
    )


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f": {', '.join(names[:NAMED])}{more}" if names else ""
