"""Runs that are at work when an installation stops: what it ended is noted as interrupted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.runs.run_folder import SUMMARY
from tasks.runs.run_process import PROCESS, is_worked_on, note_interruption

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tasks.storage.home import Home


def runs_at_work(home: Home) -> list[Path]:
    """Return the folders of the runs, of any model, whose processes live."""
    folders = (file.parent for file in home.runs.glob(f"*/{PROCESS}"))
    return [each for each in folders if not (each / SUMMARY).exists() and is_worked_on(each)]


def note_stopped(folders: Iterable[Path]) -> None:
    """Note which runs were ended on purpose: those that are gone and had no time for a summary.

    Without it they would look as if their processes had died.
    """
    for folder in folders:
        if not (folder / SUMMARY).exists() and not is_worked_on(folder):
            note_interruption(folder)
