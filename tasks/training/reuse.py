"""Trainings by what they follow from: one under way is gone on with, a finished one is taken."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from tasks.errors import TrainingFailedError
from tasks.files import copy_finished, outdated
from tasks.training.trained import read_trained

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.config import RetrainConfig
    from tasks.training.trained import TrainedModel

# Of each kind: a model and its backups are megabytes, and only the last ones are ever asked for.
KEPT = 4


@dataclass(frozen=True)
class TrainingFolders:
    """Where a training is, by its key.

    Attributes:
        workspace: while it is under way.
        finished: once it is done.
    """

    workspace: Path
    finished: Path


def folders_of(key: str, config: RetrainConfig) -> TrainingFolders:
    """Return the folders of a training; `key` stands for all it follows from."""
    return TrainingFolders(
        workspace=config.state / "training" / key[:32], finished=config.state / "trained" / key[:32]
    )


def forget_old_trainings(config: RetrainConfig) -> None:
    """Remove all but the last few trainings, finished or given up; none that is under way."""
    for kind in ("training", "trained"):
        for folder in outdated(config.state / kind, kept=KEPT):
            with contextlib.suppress(Timeout), lock_of(folder).acquire(timeout=0):
                shutil.rmtree(folder, ignore_errors=True)


def lock_of(workspace: Path) -> FileLock:
    """Return the lock that a training holds while it is under way."""
    return FileLock(workspace.with_suffix(".lock"))


def copy_trained(finished: Path, directory: Path) -> TrainedModel:
    """Copy a finished training into the evidence of a run, whole or not at all.

    Raises:
        TrainingFailedError: it was removed meanwhile.
    """
    try:
        copy_finished(finished, directory)
    except FileNotFoundError as error:
        raise TrainingFailedError(f"The finished training is gone: {error}. Run again.") from None
    trained = read_trained(directory)
    if trained is None:
        raise TrainingFailedError(f"The finished training in {finished} is not whole. Run again.")
    return trained
