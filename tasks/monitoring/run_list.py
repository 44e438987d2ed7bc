"""A home goes in; the summaries of its runs come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.errors import INTERRUPTED, PixelgateError
from tasks.outcome import Outcome
from tasks.runs.run_folder import CONFIG, REPORT, SUMMARY, run_number
from tasks.runs.run_process import was_interrupted
from tasks.runs.summary import RunSummary, read_summary
from tasks.storage.atomic import read_json

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.storage.home import Home


def list_runs(home: Home) -> list[RunSummary]:
    """Return the summaries of all runs, of every model, the newest first.

    A run without a summary is listed as unfinished.
    """
    folders = [file.parent for file in home.runs.glob(f"*/{CONFIG}")]
    # By their numbers, as the clock can be set back.
    folders.sort(key=lambda folder: (run_number(folder), folder.name), reverse=True)
    return [summary_of(home, folder) for folder in folders]


def summary_of(home: Home, folder: Path) -> RunSummary:
    """Return the summary in a run's folder; without a sound one, that of an unfinished run."""
    # A run in progress and one whose process was killed look the same from here.
    message, name = "", None
    try:
        if (folder / SUMMARY).exists():
            return read_summary(home, folder.name)
    except (PixelgateError, OSError) as error:
        # One torn file must not hide the other runs.
        message = str(error)
    try:
        name = read_json(folder / CONFIG).get("name")
    except (PixelgateError, OSError, ValueError, AttributeError) as error:
        message = message or str(error)
    if was_interrupted(folder):
        message = INTERRUPTED
    return RunSummary(
        run_id=folder.name,
        name=name,
        outcome=Outcome.UNFINISHED,
        message=message,
        directory=folder,
        report=folder / REPORT,
    )
