"""The last runs of a model go in; when one was accepted comes out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tasks.monitoring.model_status import STRIP
from tasks.monitoring.run_list import summary_of
from tasks.runs.run_folder import CONFIG, MOMENT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tasks.monitoring.model_status import RunMark
    from tasks.storage.home import Home


def last_accepted(
    home: Home, strip: Sequence[RunMark], *, since: datetime
) -> tuple[datetime | None, datetime | None]:
    """Return when the last accepted run of a model began, and when the oldest run looked at did.

    Either is None if there is none.

    Args:
        home: of the model.
        strip: its last runs, the oldest first, as its status has them.
        since: how far back to look, at least.
    """
    accepted = next((each for each in reversed(strip) if each.outcome.accepts_data), None)
    oldest = began(strip[0].run_id) if strip else None
    if accepted is not None:
        return began(accepted.run_id), oldest
    # Only now, as it reads a file a run: nothing in a whole strip was accepted.
    older = _before(home, strip[0].run_id) if len(strip) == STRIP else []
    for folder in older:
        if oldest is not None and oldest < since:
            break
        summary = summary_of(home, folder)
        if summary.name == home.name:
            oldest = began(folder.name) or oldest
            if summary.outcome.accepts_data:
                return oldest, oldest
    return None, oldest


def _before(home: Home, run_id: str) -> list[Path]:
    """Return the folders of the runs before one, the newest first."""
    folders = (file.parent for file in home.runs.glob(f"*/{CONFIG}"))
    return sorted((each for each in folders if each.name < run_id), reverse=True)


def began(run_id: str) -> datetime | None:
    """Return when a run began, as its id says; None if it says nothing."""
    try:
        return datetime.strptime(run_id.rpartition("-")[0], MOMENT).replace(tzinfo=UTC)
    except ValueError:
        return None
