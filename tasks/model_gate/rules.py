"""The model gate's rules: evaluations go in; checks and the decision come out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.errors import ModelRejectedError
from tasks.outcome import Outcome
from tasks.runs.check import Check

if TYPE_CHECKING:
    from tasks.config.registry import RegistryConfig
    from tasks.evaluation.evaluate import Evaluation


@dataclass(frozen=True)
class Decision:
    """The model gate's decision on a version.

    Attributes:
        outcome: promoted, kept_champion or model_rejected.
        message: the decision in one line, with the checks that failed.
        version: of the registered model.
        checks: one for each rule.
    """

    outcome: Outcome
    message: str
    version: str
    checks: tuple[Check, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "outcome": self.outcome.value,
            "message": self.message,
            "version": self.version,
            "checks": [check.model_dump() for check in self.checks],
        }


def judge_model(
    evaluation: Evaluation, champion: Evaluation | None, settings: RegistryConfig
) -> tuple[Check, ...]:
    """Compare a model with the floor, with guessing, and with the champion.

    A model that breaks a critical rule is rejected. One that is only worse than the champion is
    sound: that rule is a warning, and the champion stays.

    Args:
        evaluation: of the new model, on the test split.
        champion: of the model in production, on the same images; None without one.
        settings: the thresholds.
    """
    accuracy = f"accuracy {evaluation.accuracy:.4f}"
    checks = [
        Check(
            rule="floor",
            threshold=f"accuracy of at least {settings.min_accuracy:.4f}",
            observed=accuracy,
            success=evaluation.accuracy >= settings.min_accuracy,
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
    if champion is not None:
        least = champion.accuracy - settings.max_accuracy_drop
        checks.append(
            Check(
                rule="no_worse_than_champion",
                severity="warning",
                threshold=f"accuracy of at least {least:.4f} on the same images",
                observed=accuracy,
                success=evaluation.accuracy >= least,
                remedy="The champion stays in production. registry.max_accuracy_drop allows more.",
            )
        )
    return tuple(checks)


def decide(version: str, evaluation: Evaluation, checks: tuple[Check, ...]) -> Decision:
    """Decide on a version: rejected if a critical check failed, promoted if none did."""
    outcome = _outcome(checks)
    message = f"version {version} has a test accuracy of {evaluation.accuracy:.4f}"
    if outcome is Outcome.PROMOTED:
        message += " and is champion now"
    else:
        message += "; " + "; ".join(check.sentence for check in checks if not check.success)
    return Decision(outcome, message, version, checks)


def require_not_rejected(decision: Decision) -> None:
    """Pass a model that is champion now, or that was no better than the champion.

    Raises:
        ModelRejectedError: it was rejected; the message names the rules it broke.
    """
    if decision.outcome is Outcome.MODEL_REJECTED:
        raise ModelRejectedError(decision.message)


def _outcome(checks: tuple[Check, ...]) -> Outcome:
    if any(not check.success and check.severity == "critical" for check in checks):
        return Outcome.MODEL_REJECTED
    if all(check.success for check in checks):
        return Outcome.PROMOTED
    return Outcome.KEPT_CHAMPION
