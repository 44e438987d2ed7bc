"""Evaluations of challenger and champion go in; whether the data or the model changed comes out.

A test split that grew or changed makes models look better or worse that are neither. Both models on
the images that the champion was once judged by, and both on those that came since: two by two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from tasks.inventory.columns import SHA256
from tasks.model_gate.class_rules import right_of_both
from tasks.runs.check import Check

if TYPE_CHECKING:
    from tasks.evaluation.evaluation_record import Evaluation

RULE = "old_and_new_images"


def check_attribution(
    evaluation: Evaluation, champion: Evaluation | None, judged_by: frozenset[str] | None
) -> tuple[Check, ...]:
    """Say what a change of accuracy comes from; it blocks nothing.

    Args:
        evaluation: of the new model, on the test split of today.
        champion: of the model in production, on the same images; None without one.
        judged_by: SHA-256 of the images that the champion was tested on when it was registered;
            None where that is not kept.
    """
    if champion is None:
        return ()
    sentences = []
    if judged_by is not None:
        right = right_of_both(evaluation, champion)
        is_old = pd.Series(right.index.get_level_values(SHA256).isin(judged_by), index=right.index)
        sentences.append(_sentence(right[is_old], right[~is_old]))
    if champion.not_loaded:
        sentences.append(
            f"the champion can't be loaded ({champion.not_loaded}): compared are the answers to"
            f" {champion.test_images:,} test images that were kept when it was registered"
        )
    if champion.trained_on:
        sentences.append(
            f"{champion.trained_on:,} test images are left out of the comparison, as the champion"
            " was trained on them"
        )
    if not sentences:
        return ()
    return (
        Check(
            rule=RULE,
            severity="info",
            threshold="nothing",
            observed=". ".join(sentences),
            success=True,
        ),
    )


def _sentence(old: pd.DataFrame, new: pd.DataFrame) -> str:
    if new.empty:
        return f"all {len(old):,} test images are those that the champion was judged by"
    if old.empty:
        return f"none of the {len(new):,} test images is one that the champion was judged by"
    moved = new["before"].mean() - old["before"].mean()
    harder = "harder" if moved < 0 else "easier" if moved > 0 else "as hard"
    than = "as" if not moved else "than"
    return (
        f"on the {len(old):,} test images that the champion was judged by, it has an accuracy of"
        f" {old['before'].mean():.4f} and the new model {old['now'].mean():.4f}; on {len(new):,}"
        f" new ones {new['before'].mean():.4f} and {new['now'].mean():.4f}: for the champion the"
        f" new ones are {harder} {than} the old"
    )
