"""A home goes in; what is in production, since when, and how well it does come out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tasks.monitoring.model_names import newest_ledger
from tasks.registry.decision_ledger import read_ledger
from tasks.registry.reigns import reigns_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.runs.summary import RunSummary
    from tasks.storage.home import Home


@dataclass(frozen=True)
class Production:
    """The version in production.

    Attributes:
        version: of the registered model.
        since: UTC.
        who: a run or a person.
        why: the reason.
        accuracy: on the test images of the run that made it; None if that run is gone.
        accuracy_low: lower end of its confidence interval.
        accuracy_high: upper end.
        decided: every version that is or was in production; none of them waits for approval.
    """

    version: str
    since: datetime
    who: str
    why: str
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    decided: frozenset[str] = frozenset()

    @property
    def age_days(self) -> float:
        """Days since it came into production."""
        return (datetime.now(UTC) - self.since).total_seconds() / 86400


def production_of(home: Home, summaries: Sequence[RunSummary]) -> Production | None:
    """Return the version in production, as the ledger says; None if there is none.

    Args:
        home: of the model.
        summaries: of its runs.

    Raises:
        DamagedFileError: the ledger was changed or is torn.
    """
    reigns = reigns_of(read_ledger(newest_ledger(home)))
    if not reigns or reigns[-1].version is None:
        return None
    reign = reigns[-1]
    # The metrics of an unchanged run are those of the run that made the version.
    made = (each.metrics for each in summaries if each.model_version == reign.version)
    metrics: dict[str, float] = next(filter(None, made), {})
    return Production(
        version=str(reign.version),
        since=datetime.fromisoformat(reign.since),
        who=reign.who,
        why=reign.why,
        accuracy=metrics.get("accuracy"),
        accuracy_low=metrics.get("accuracy_low"),
        accuracy_high=metrics.get("accuracy_high"),
        decided=frozenset(each.version for each in reigns if each.version is not None),
    )
