"""The model gate's rules: evaluations go in; checks and the decision come out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tasks.errors import ModelRejectedError
from tasks.model_gate.versus import check_against_champion, describe
from tasks.outcome import Outcome
from tasks.runs.check import Check

if TYPE_CHECKING:
    from tasks.config.schema import RetrainConfig
    from tasks.evaluation.evaluation_record import Evaluation
    from tasks.model_gate.paired import Comparison

APPROVAL, SHADOW = "approved_by_a_person", "not_in_shadow"


@dataclass(frozen=True)
class Decision:
    """The model gate's decision on a version.

    Attributes:
        outcome: promoted, kept_champion, awaiting_approval or model_rejected.
        message: the decision in one line, with the checks that failed.
        version: of the registered model.
        checks: one for each rule.
        comparison: with the champion; None without one.
        champion: the version it was compared with; None without one.
    """

    outcome: Outcome
    message: str
    version: str
    checks: tuple[Check, ...]
    comparison: Comparison | None = None
    champion: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "outcome": self.outcome.value,
            "message": self.message,
            "version": self.version,
            "checks": [check.model_dump() for check in self.checks],
            "comparison": None if self.comparison is None else asdict(self.comparison),
        }


def judge_model(
    evaluation: Evaluation, comparison: Comparison | None, config: RetrainConfig
) -> tuple[Check, ...]:
    """Compare a model with the floor, with guessing, and with the champion.

    A model that breaks a critical rule is rejected. One that is only worse than the champion is
    sound: that rule is a warning, and the champion stays.

    Args:
        evaluation: of the new model, on the test split.
        comparison: with the model in production, on the same images; None without one.
        config: the registry and promotion parts.
    """
    accuracy = f"accuracy {evaluation.accuracy:.4f}"
    checks = [
        Check(
            rule="floor",
            threshold=f"accuracy of at least {config.registry.min_accuracy:.4f}",
            observed=accuracy,
            success=evaluation.accuracy >= config.registry.min_accuracy,
            remedy="Train longer or on more data, or lower registry.min_accuracy.",
        ),
        Check(
            rule="better_than_guessing",
            threshold=f"the interval of the accuracy above {evaluation.majority_share:.4f}, the"
            " share of the largest class",
            observed=f"{accuracy}, interval from {evaluation.accuracy_low:.4f}",
            success=evaluation.accuracy_low > evaluation.majority_share,
            remedy="The model has learned nothing: check the labels and the training curve.",
        ),
    ]
    if comparison is not None:
        checks.append(check_against_champion(comparison, config.promotion))
    return (*checks, *_policy_checks(config))


def decide(
    version: str,
    evaluation: Evaluation,
    checks: tuple[Check, ...],
    comparison: Comparison | None = None,
) -> Decision:
    """Decide on a version: rejected if a critical check failed, promoted if no warning did."""
    outcome = _outcome(checks)
    message = f"version {version} has a test accuracy of {evaluation.accuracy:.4f}"
    if outcome is Outcome.PROMOTED:
        message += " and is champion now"
        if comparison is not None:
            message += f"; compared with the champion before it: {describe(comparison)}"
    else:
        message += "; " + "; ".join(check.sentence for check in checks if not check.success)
    return Decision(outcome, message, version, checks, comparison)


def require_not_rejected(decision: Decision) -> None:
    """Pass a model that is champion now, or that was sound but did not take its place.

    Raises:
        ModelRejectedError: it was rejected; the message names the rules it broke.
    """
    if decision.outcome is Outcome.MODEL_REJECTED:
        raise ModelRejectedError(decision.message)


def _policy_checks(config: RetrainConfig) -> list[Check]:
    """Return what keeps any model from being promoted by a run alone."""
    if config.promotion.policy == "manual":
        return [
            Check(
                rule=APPROVAL,
                severity="warning",
                threshold="a person's approval (promotion.policy = manual)",
                observed="none yet",
                success=False,
                remedy="Look at the report; `pixelgate promote VERSION --reason ...` promotes it,"
                " or whoever resumes the run in Prefect (promotion.approval_hours).",
            )
        ]
    if config.promotion.policy == "shadow":
        return [
            Check(
                rule=SHADOW,
                severity="warning",
                threshold="a promotion.policy that promotes",
                observed="shadow",
                success=False,
                remedy="Nothing is promoted while models are only watched.",
            )
        ]
    return []


def _outcome(checks: tuple[Check, ...]) -> Outcome:
    failed = [check for check in checks if not check.success]
    if any(check.severity == "critical" for check in failed):
        return Outcome.MODEL_REJECTED
    if any(check.rule == APPROVAL for check in failed):
        return Outcome.AWAITING_APPROVAL
    # What only informs keeps no model back.
    if any(check.severity == "warning" for check in failed):
        return Outcome.KEPT_CHAMPION
    return Outcome.PROMOTED
