"""The folder of a training in progress: every file in it is complete or not there."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from tasks.storage.atomic import atomic_write
from tasks.storage.checked import damage_of

if TYPE_CHECKING:
    from pathlib import Path

MONITORED = "val_accuracy"
WEIGHTS, STATE = "state.weights.h5", "state.json"
# The last one may prove damaged; and workers killed at different steps need one in common.
BACKUPS_KEPT = 2

log = logging.getLogger("pixelgate.training")


@dataclass(frozen=True)
class Workspace:
    """The folder of a training in progress; knows its files but nothing of Keras.

    Attributes:
        directory: holds everything below.
    """

    directory: Path

    @property
    def backups(self) -> Path:
        """Folder of the last backups, each a folder named after its step."""
        return self.directory / "backup"

    def best_of(self, epoch: int) -> Path:
        """Return the folder with an epoch's weights, kept while no other epoch is better."""
        return self.directory / "best" / f"{epoch:05d}"

    @property
    def history(self) -> Path:
        """CSV with one row per epoch."""
        return self.directory / "history.csv"

    @property
    def tensorboard(self) -> Path:
        """TensorBoard's events."""
        return self.directory / "tensorboard"

    @property
    def resume_message(self) -> str:
        """A sentence on what a later run finds here."""
        steps = self._backup_steps()
        if not steps:
            return "Nothing was trained yet."
        last = max(self.directory.glob(f"best/[0-9]*/{WEIGHTS}"), default=None)
        best = f" The best weights so far are in {last}." if last else ""
        return f"The same command resumes after step {steps[0]}.{best}"

    def backup_of(self, step: int) -> Path:
        """Return the folder of a step's backup."""
        return self.backups / f"{step:09d}"

    def intact_backups(self) -> list[int]:
        """Return the steps of all intact backups, the last one first; remove damaged ones."""
        return [step for step in self._backup_steps() if self._is_intact(step)]

    def _is_intact(self, step: int) -> bool:
        folder = self.backup_of(step)
        damage = damage_of(folder)
        if damage is None:
            return True
        log.warning("the backup of step %d is damaged (%s) and is removed", step, damage)
        shutil.rmtree(folder)
        return False

    def discard_after(self, step: int, *, epoch: int) -> None:
        """Remove what a training that resumes after `step`, in `epoch`, will do again."""
        for later in self._backup_steps():
            if later > step:
                shutil.rmtree(self.backup_of(later))
        self._discard_epochs(first=epoch)

    def prune_best(self, epoch: int) -> None:
        """Remove the weights of all epochs but the best one."""
        for folder in self.directory.glob("best/[0-9]*"):
            if folder != self.best_of(epoch):
                shutil.rmtree(folder)

    def prune_backups(self) -> None:
        """Remove all but the last few backups."""
        for step in self._backup_steps()[BACKUPS_KEPT:]:
            shutil.rmtree(self.backup_of(step))

    def _backup_steps(self) -> list[int]:
        """Return the steps of all backups, intact or not, the last one first."""
        # Folders that are still being written have a name that begins with a dot.
        folders = self.backups.glob("[0-9]*") if self.backups.exists() else ()
        return sorted((int(folder.name) for folder in folders), reverse=True)

    def epochs(self) -> pd.DataFrame:
        """Return the history so far; an empty frame if there is none."""
        if not self.history.exists() or not self.history.stat().st_size:
            return pd.DataFrame({"epoch": [], "loss": [], MONITORED: []})
        return pd.read_csv(self.history)

    def _discard_epochs(self, *, first: int) -> None:
        """Remove the epochs from `first` on from the history."""
        rows = self.epochs()
        kept = rows[rows["epoch"] < first]
        # CSVLogger writes its header only into an empty or missing file.
        if kept.empty:
            self.history.unlink(missing_ok=True)
        elif len(kept) < len(rows):
            with atomic_write(self.history) as temporary:
                kept.to_csv(temporary, index=False)
