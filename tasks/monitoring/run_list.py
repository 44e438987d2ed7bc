"""A home goes in; the summaries of its runs come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.outcome import Outcome
from tasks.runs.run_folder import CONFIG, REPORT, SUMMARY
from tasks.runs.summary import RunSummary, read_summary
from tasks.storage.atomic import read_json

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.storage.home import Home


def list_runs(home: Home) -> list[RunSummary]:
    """Return the summaries of all runs, of every model, the newest first.

    A run without a summary is listed as unfinished.
    """
    folders = sorted((file.parent for file in home.runs.glob(f"*/{CONFIG}")), reverse=True)
    return [_summary_of(home, folder) for folder in folders]


def _summary_of(home: Home, folder: Path) -> RunSummary:
    # A run in progress and one whose process was killed look the same from here.
    if (folder / SUMMARY).exists():
        return read_summary(home, folder.name)
    return RunSummary(
        run_id=folder.name,
        name=read_json(folder / CONFIG).get("name"),
        outcome=Outcome.UNFINISHED,
        directory=folder,
        report=folder / REPORT,
    )
