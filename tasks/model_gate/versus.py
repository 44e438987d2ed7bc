"""Evaluations of challenger and champion go in; the check of one against the other comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from tasks.errors import PixelgateError
from tasks.evaluation.answers import PREDICTED
from tasks.inventory.columns import LABEL, SHA256
from tasks.model_gate.paired import Answer, Comparison, Counts, compare_paired
from tasks.runs.check import Check

if TYPE_CHECKING:
    from tasks.config.base import Severity
    from tasks.config.promotion import PromotionConfig
    from tasks.evaluation.evaluation_record import Evaluation

# What happens to a failed comparison, by promotion.on_cannot_tell.
SEVERITY_OF: dict[str, Severity] = {
    "keep_champion": "warning",
    "promote": "info",
    "reject": "critical",
}


def compare_evaluations(
    challenger: Evaluation, champion: Evaluation, settings: PromotionConfig
) -> Comparison:
    """Compare two models on the test images that both have predicted.

    Args:
        challenger: the new model.
        champion: the model in production.
        settings: margin and confidence level.

    Raises:
        PixelgateError: they have no test image in common.
    """
    counts = count_disagreements(
        pd.read_parquet(challenger.predictions), pd.read_parquet(champion.predictions)
    )
    # Who wants a better model accepts no loss.
    margin = 0.0 if settings.policy == "better" else settings.margin
    return compare_paired(counts, margin=margin, confidence_level=settings.confidence_level)


def count_disagreements(challenger: pd.DataFrame, champion: pd.DataFrame) -> Counts:
    """Count the images that only one of two models classifies correctly.

    An image is known by its content and label: copies of a file are one observation, not several.

    Args:
        challenger: predictions, with label, sha256 and predicted.
        champion: likewise; other images than the challenger's are left out.

    Raises:
        PixelgateError: no image is in both.
    """
    right = [right_answers(table).rename(name) for name, table in enumerate((challenger, champion))]
    both = pd.concat(right, axis="columns", join="inner")
    if both.empty:
        raise PixelgateError(
            "Challenger and champion were evaluated on different test images; run again with"
            " --force to evaluate both on the present ones."
        )
    return Counts(
        images=len(both),
        losses=int((~both[0] & both[1]).sum()),
        gains=int((both[0] & ~both[1]).sum()),
    )


def check_against_champion(comparison: Comparison, settings: PromotionConfig) -> Check:
    """Judge a comparison by the policy, as one check of the model gate."""
    if settings.policy == "better":
        rule, threshold = "better_than_champion", "better than the champion on the same images"
        success = comparison.answer is Answer.BETTER
    else:
        rule = "no_worse_than_champion"
        threshold = (
            "better than the champion on the same images, or the interval of the difference above"
            f" {_points(-comparison.margin)} points"
        )
        success = comparison.answer is Answer.BETTER or comparison.within_margin
    undecided = not success and comparison.answer is Answer.CANNOT_TELL
    return Check(
        rule=rule,
        severity=SEVERITY_OF[settings.on_cannot_tell] if undecided else "warning",
        threshold=threshold,
        observed=describe(comparison),
        success=success,
        remedy=_remedy(comparison, settings) if undecided else "The champion stays in production.",
    )


def describe(comparison: Comparison) -> str:
    """Say the answer of a comparison with its numbers."""
    return (
        f"{_answer(comparison)}: {_points(comparison.difference)} points"
        f" ({comparison.confidence_level:.0%} interval {_points(comparison.low)} to"
        f" {_points(comparison.high)}) on {comparison.images:,} test images,"
        f" {comparison.gains} newly right and {comparison.losses} newly wrong"
        f" (p {_p_value(comparison.p_value)})"
    )


def _p_value(value: float) -> str:
    # Smaller ones are zero to a computer, and to nobody else.
    return f"= {value:.2g}" if value else "< 1e-300"


def _answer(comparison: Comparison) -> str:
    if comparison.answer is not Answer.CANNOT_TELL:
        inside = comparison.answer is Answer.WORSE and comparison.within_margin
        return f"{comparison.answer}{', within the margin' if inside else ''}"
    return "no worse" if comparison.within_margin else "cannot tell"


def _remedy(comparison: Comparison, settings: PromotionConfig) -> str:
    happens = {
        "keep_champion": "The champion stays in production",
        "promote": "promotion.on_cannot_tell promotes the new model all the same",
        "reject": "promotion.on_cannot_tell rejects the new model",
    }[settings.on_cannot_tell]
    return f"{happens}. {_more_images(comparison.images_to_decide)}"


def _more_images(images: int | None) -> str:
    if not images:
        return "At these rates no larger test set would decide either."
    return f"About {images:,} more test images would decide at these rates."


def _points(share: float) -> str:
    """Return a difference of accuracies in percentage points."""
    return f"{100 * share:+.2f}"


def right_answers(table: pd.DataFrame) -> pd.Series[bool]:
    """Return whether each image, by content and label, is classified correctly."""
    right = (table[PREDICTED].astype("str") == table[LABEL].astype("str")).rename("right")
    keys = [table[SHA256], table[LABEL].astype("str")]
    return right.groupby(keys).first()
