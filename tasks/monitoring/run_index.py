"""The summaries of all runs of a home, kept between questions: a summary is read once."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.monitoring.run_list import summary_of
from tasks.outcome import Outcome
from tasks.runs.run_folder import CONFIG, SUMMARY, run_number

if TYPE_CHECKING:
    from tasks.runs.summary import RunSummary
    from tasks.storage.home import Home


@dataclass(frozen=True)
class _Known:
    identity: tuple[int, int]
    number: int
    summary: RunSummary


class RunIndex:
    """What `run_list.list_runs` returns, in a fraction of its time when it is asked again.

    Args:
        home: of any model of the root.
    """

    def __init__(self, home: Home) -> None:
        self.home = home
        # As text: a thousand paths are put together for each page.
        self._runs = str(home.runs)
        self._reading = threading.Lock()
        self._known: dict[str, _Known] = {}

    def summaries(self) -> list[RunSummary]:
        """Return the summaries of all runs, of every model, the newest first."""
        # One reader at a time: at the start, all summaries are read for the first time.
        with self._reading:
            before, known = self._known, {}
            for name in self._names():
                read = self._read(name, before.get(name))
                if read is not None:
                    known[name] = read
            self._known = known
        newest = sorted(known, key=lambda name: (known[name].number, name), reverse=True)
        return [known[name].summary for name in newest]

    def of(self, name: str) -> list[RunSummary]:
        """Return the summaries of one model's runs, the newest first."""
        return [summary for summary in self.summaries() if summary.name == name]

    def by_model(self) -> dict[str | None, list[RunSummary]]:
        """Return the summaries of each model's runs, the newest first, by one look at all."""
        found: dict[str | None, list[RunSummary]] = {}
        for summary in self.summaries():
            found.setdefault(summary.name, []).append(summary)
        return found

    def find(self, run_id: str) -> RunSummary | None:
        """Return the summary of a run; None if there is no such run."""
        # Without a look at all the others: a page of images asks for its run once an image.
        read = self._read(run_id, self._known.get(run_id)) if run_id in self._names() else None
        if read is not None and read.summary.run_id == run_id:
            return read.summary
        return next((each for each in self.summaries() if each.run_id == run_id), None)

    def _names(self) -> list[str]:
        try:
            return os.listdir(self._runs)  # noqa: PTH208 - as text, see above
        except OSError:
            return []

    def _read(self, name: str, before: _Known | None) -> _Known | None:
        """Return what is known of a folder; None if it is no run's."""
        identity = _identity(f"{self._runs}{os.sep}{name}{os.sep}{SUMMARY}")
        if before is not None and before.identity == identity and not _may_change(before.summary):
            return before
        folder = self.home.runs / name
        if not (folder / CONFIG).exists():
            return None
        return _Known(identity, run_number(folder), summary_of(self.home, folder))


def _identity(file: str) -> tuple[int, int]:
    """Return size and time of a summary; those of a missing one are 0."""
    try:
        status = os.stat(file)  # noqa: PTH116 - as in RunIndex
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _may_change(summary: RunSummary) -> bool:
    return summary.outcome is Outcome.UNFINISHED
