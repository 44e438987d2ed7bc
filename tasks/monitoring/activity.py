"""An unfinished run goes in; whether its process is at work or has died comes out."""

from __future__ import annotations

import fcntl
import itertools
import os
import time
from typing import TYPE_CHECKING

from tasks.runs.run_process import is_worked_on

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tasks.runs.summary import RunSummary
    from tasks.storage.home import Home

# A gate holds no lock, and a run of another machine none that can be seen from here.
QUIET_SECONDS = 120.0
# A run that was interrupted so often in a row is left to a person.
MOST_INTERRUPTED = 2


def is_in_progress(home: Home, newest: RunSummary) -> bool:
    """Return whether the newest run of a model, which has no summary yet, is in progress.

    It is if its process lives. Of a run of another machine, or of an earlier release, that is not
    known: then it is if a process holds the model's lock, or if a file of the run was written in
    the last two minutes.
    """
    worked_on = is_worked_on(newest.directory)
    if worked_on is not None:
        return worked_on
    return _is_locked(home.lock) or time.time() - _last_change(newest.directory) < QUIET_SECONDS


def is_resumed(runs: Sequence[RunSummary]) -> bool:
    """Return whether the newest run was interrupted and the next one goes on with it.

    Args:
        runs: of one model, without the one in progress, the newest first.
    """
    in_a_row = sum(1 for _ in itertools.takewhile(lambda run: run.was_interrupted, runs))
    return 0 < in_a_row <= MOST_INTERRUPTED


def _is_locked(file: Path) -> bool:
    try:
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # Shared, so that two who ask are not in each other's way; a run that starts at this very
        # moment waits longer than this takes.
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def _last_change(folder: Path) -> float:
    files = [folder, *folder.iterdir()] if folder.is_dir() else []
    return max((file.stat().st_mtime for file in files), default=0.0)
