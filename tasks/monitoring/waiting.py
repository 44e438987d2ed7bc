"""The statuses of models go in; what waits for a person comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tasks.monitoring.model_status import ModelStatus
    from tasks.monitoring.run_index import RunIndex


@dataclass(frozen=True)
class Waiting:
    """A version that waits for somebody's decision.

    Attributes:
        model: its name.
        version: of the model.
        run_id: of the run that made it.
        since: end of that run, UTC.
    """

    model: str
    version: str
    run_id: str
    since: datetime | None


def waiting_for_a_person(statuses: Iterable[ModelStatus], index: RunIndex) -> list[Waiting]:
    """Return the versions that wait for approval, the one that waits longest first."""
    found = [
        Waiting(status.name, version, run.run_id, run.finished)
        for status in statuses
        for version in status.waiting
        for run in index.of(status.name)
        if run.model_version == version and run.outcome is Outcome.AWAITING_APPROVAL
    ]
    return sorted(found, key=lambda each: str(each.since))
