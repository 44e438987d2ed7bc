"""A model's summaries go in; what was measured over its runs comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tasks.runs.summary import RunSummary


@dataclass(frozen=True)
class TrendPoint:
    """What one run measured; what it did not reach is None.

    Attributes:
        run_id: names its folder.
        outcome: how it ended.
        at: UTC.
        accuracy: of its model on the test images.
        accuracy_low: lower end of the confidence interval.
        accuracy_high: upper end.
        images: files found.
        seconds: all stages together.
    """

    run_id: str
    outcome: Outcome
    at: datetime | None
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    images: int | None
    seconds: float


def trend_of(summaries: Sequence[RunSummary], *, most: int = 100) -> list[TrendPoint]:
    """Return the last runs that ended, the oldest first.

    Args:
        summaries: of one model, the newest first.
        most: so many runs.
    """
    ended = [each for each in summaries if each.outcome is not Outcome.UNFINISHED][:most]
    return [_point(each) for each in reversed(ended)]


def _point(summary: RunSummary) -> TrendPoint:
    # The metrics of an unchanged run are those of an earlier one.
    is_own = summary.outcome is not Outcome.UNCHANGED
    metrics = (summary.metrics if is_own else None) or {}
    return TrendPoint(
        run_id=summary.run_id,
        outcome=summary.outcome,
        at=summary.finished or summary.started,
        accuracy=metrics.get("accuracy"),
        accuracy_low=metrics.get("accuracy_low"),
        accuracy_high=metrics.get("accuracy_high"),
        images=summary.images,
        seconds=sum(stage.seconds for stage in summary.stages),
    )
