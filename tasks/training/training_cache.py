"""Trainings by key: one in progress is resumed, a finished one is reused."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from tasks.errors import TrainingFailedError
from tasks.runs.result_store import copy_result, stale_folders
from tasks.training.result import read_trained

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.storage.home import Home
    from tasks.training.result import TrainedModel

# Of each kind: a model and its backups are megabytes, and only the last ones are ever used again.
KEPT = 4


def prune_trainings(home: Home) -> None:
    """Remove all but the last few trainings, finished or interrupted; none that is in progress."""
    for kind in (home.trainings, home.trained):
        for folder in stale_folders(kind, kept=KEPT):
            with contextlib.suppress(Timeout), training_lock(folder).acquire(timeout=0):
                shutil.rmtree(folder, ignore_errors=True)


def training_lock(workspace: Path) -> FileLock:
    """Return the lock that a training holds while it is in progress."""
    # Next to the workspace, which is removed at the end of the training.
    return FileLock(workspace.with_suffix(".lock"))


def copy_training(finished: Path, directory: Path) -> TrainedModel:
    """Copy a finished training into the evidence of a run, completely or not at all.

    Raises:
        TrainingFailedError: it has been removed or damaged since it finished.
    """
    try:
        copy_result(finished, directory)
    except FileNotFoundError as error:
        raise TrainingFailedError(
            f"The finished training was removed: {error}. Run again."
        ) from None
    trained = read_trained(directory)
    if trained is None:
        raise TrainingFailedError(f"The finished training in {finished} is incomplete. Run again.")
    return trained
