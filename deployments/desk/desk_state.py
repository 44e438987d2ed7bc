"""What the pages of one home show: the statuses of its models, and its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import HTTPException

from tasks.monitoring.model_status import model_statuses, status_of
from tasks.monitoring.run_index import RunIndex

if TYPE_CHECKING:
    from tasks.monitoring.model_status import ModelStatus
    from tasks.runs.summary import RunSummary
    from tasks.storage.home import Home


class Desk:
    """What the pages of one home show.

    Args:
        home: of any of its models.
        late_after_hours: a model whose last run is older needs attention; None for any age.
    """

    def __init__(self, home: Home, *, late_after_hours: float | None) -> None:
        self.home, self._late = home, late_after_hours
        self.index = RunIndex(home)

    def statuses(self) -> list[ModelStatus]:
        """Return the status of every model."""
        return model_statuses(self.home, self.index.summaries(), late_after_hours=self._late)

    def status(self, name: str) -> tuple[ModelStatus, list[RunSummary]]:
        """Return the status of one model and its runs, the newest first.

        Raises:
            HTTPException: there is no such model.
        """
        if name not in {each.name for each in self.statuses()}:
            raise HTTPException(404, f"There is no model named {name}.")
        runs = self.index.of(name)
        return status_of(self.home.renamed(name), runs, late_after_hours=self._late), runs

    def run(self, run_id: str) -> RunSummary:
        """Return the summary of a run.

        Raises:
            HTTPException: there is no such run.
        """
        found = self.index.find(run_id)
        if found is None:
            raise HTTPException(404, f"There is no run {run_id}.")
        return found
