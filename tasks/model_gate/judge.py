"""A registered version and its evidence go in; the model gate's decision on it comes out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tasks.model_gate.attribution import check_attribution
from tasks.model_gate.class_rules import check_classes
from tasks.model_gate.cost_rules import check_costs
from tasks.model_gate.rules import Decision, decide, judge_model
from tasks.model_gate.saved_model import check_saved_file
from tasks.model_gate.slice_rules import check_slices
from tasks.model_gate.versus import compare_evaluations

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from tasks.config.schema import RetrainConfig
    from tasks.evaluation.evaluation_record import Evaluation
    from tasks.model_gate.saved_model import Ask


@dataclass(frozen=True)
class Case:
    """What the model gate decides on.

    Attributes:
        version: of the registered model.
        saved: its .keras file, as stored in the registry.
        model: .keras file that was evaluated.
        evaluation: of that file, on the test split.
        champion: of the model in production, on the same images; None without one.
        images: (n, height, width, channels) uint8, which both files must predict alike.
        ask: asks the saved file, in a process that knows nothing but Keras.
        judged_by: SHA-256 of the images that the champion was tested on when it was registered;
            None where that is not kept.
    """

    version: str
    saved: Path
    model: Path
    evaluation: Evaluation
    champion: Evaluation | None
    images: np.ndarray
    ask: Ask
    judged_by: frozenset[str] | None = None


def judge_version(case: Case, config: RetrainConfig) -> Decision:
    """Apply every rule to a version and decide on it; repeated, it comes to the same decision."""
    comparison = None
    if case.champion is not None:
        comparison = compare_evaluations(case.evaluation, case.champion, config.promotion)
    checks = (
        *judge_model(case.evaluation, comparison, config),
        *check_classes(case.evaluation, case.champion, config),
        *check_slices(case.evaluation, case.champion, config.promotion),
        *check_attribution(case.evaluation, case.champion, case.judged_by),
        *check_costs(case.evaluation, case.champion, config.promotion),
        check_saved_file(case.saved, case.model, case.images, ask=case.ask),
    )
    decision = decide(case.version, case.evaluation, checks, comparison)
    return replace(decision, champion=case.champion.version if case.champion else None)
