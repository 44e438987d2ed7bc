"""A run in progress goes in; what it does comes out, event by event, as its files grow."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.monitoring.activity import is_in_progress
from tasks.outcome import Outcome
from tasks.runs.run_folder import PROGRESS

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.monitoring.run_index import RunIndex
    from tasks.runs.summary import RunSummary


@dataclass(frozen=True)
class ProgressEvent:
    """Something that happened in a run.

    Attributes:
        number: from 1, without gaps, the same whenever it is read.
        kind: stage, epoch or end.
        content: as `run_folder.record_progress` wrote it; of an end outcome and headline.
    """

    number: int
    kind: str
    content: dict[str, Any]


class ProgressFollower:
    """Reads what a run appends to its progress file.

    Args:
        directory: folder of the run.
    """

    def __init__(self, directory: Path) -> None:
        self._file = directory / PROGRESS
        self._offset = self.count = 0

    def read(self) -> list[ProgressEvent]:
        """Return what happened since the last call; a line that is being written comes later."""
        try:
            with self._file.open("rb") as file:
                file.seek(self._offset)
                content = file.read()
        except OSError:
            return []
        whole = content[: content.rfind(b"\n") + 1]
        self._offset += len(whole)
        events = []
        for line in whole.splitlines():
            self.count += 1
            plain = _parsed(line)
            if plain:
                kind = "epoch" if "epoch" in plain else "stage"
                events.append(ProgressEvent(self.count, kind, plain))
        return events


def progress_of(run: RunSummary) -> list[ProgressEvent]:
    """Return what happened in a run so far."""
    return ProgressFollower(run.directory).read()


def is_live(index: RunIndex, run: RunSummary) -> bool:
    """Return whether a run is in progress, as far as can be seen from here."""
    if run.outcome is not Outcome.UNFINISHED:
        return False
    newest = next((each for each in index.summaries() if each.name == run.name), None)
    if newest is None or newest.run_id != run.run_id:
        return False
    return is_in_progress(index.home.renamed(run.name or ""), run)


def end_of(run: RunSummary, number: int) -> ProgressEvent:
    """Return the last event of a run that is in progress no longer."""
    content = {"outcome": run.outcome.value, "headline": run.outcome.headline}
    return ProgressEvent(number, "end", content)


def _parsed(line: bytes) -> dict[str, Any]:
    # Torn by a crash, or not ours: it counts, so that later numbers stay the same.
    try:
        plain = json.loads(line)
    except ValueError:
        return {}
    return plain if isinstance(plain, dict) else {}
