"""The outcomes of a run."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """How a run ended; summaries, tags and notifications use the value."""

    PROMOTED = "promoted"
    KEPT_CHAMPION = "kept_champion"
    AWAITING_APPROVAL = "awaiting_approval"
    UNCHANGED = "unchanged"
    WORKER_DONE = "worker_done"
    ACCEPTED = "accepted"
    DATA_REJECTED = "data_rejected"
    MODEL_REJECTED = "model_rejected"
    FAILED = "failed"
    UNFINISHED = "unfinished"

    @property
    def accepts_data(self) -> bool:
        """Whether the run's data becomes the baseline of later data."""
        return self in JUDGED or self is Outcome.UNCHANGED

    @property
    def is_judged(self) -> bool:
        """Whether the model gate reached a decision that the same recipe need not repeat."""
        # A rejection is not final: a repeated run fails again instead of ending as unchanged.
        return self in JUDGED

    @property
    def is_bad(self) -> bool:
        """Whether somebody should look into the run."""
        return self in (Outcome.DATA_REJECTED, Outcome.MODEL_REJECTED, Outcome.FAILED)

    @property
    def headline(self) -> str:
        """The outcome in one sentence, for a report."""
        return HEADLINES[self]


JUDGED = frozenset({Outcome.PROMOTED, Outcome.KEPT_CHAMPION, Outcome.AWAITING_APPROVAL})
HEADLINES = {
    Outcome.ACCEPTED: "Accepted: the data may be trained on.",
    Outcome.PROMOTED: "Promoted: the new model is in production.",
    Outcome.KEPT_CHAMPION: "Champion kept: the new model did not earn its place.",
    Outcome.AWAITING_APPROVAL: "Awaiting approval: a person decides on the new model.",
    Outcome.UNCHANGED: "Unchanged: nothing new to learn.",
    Outcome.WORKER_DONE: "Worker done: the chief evaluates and registers.",
    Outcome.DATA_REJECTED: "Data rejected: nothing was trained.",
    Outcome.MODEL_REJECTED: "Model rejected: it did not pass the model gate.",
    Outcome.FAILED: "Failed: the run ended with an error.",
    Outcome.UNFINISHED: "Unfinished: the run is in progress, or its process was killed.",
}
