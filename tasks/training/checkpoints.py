"""What a training cut short goes on from: every file of it is whole or not there."""

from __future__ import annotations

import logging
import math
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import pandas as pd

from tasks.storage.atomic import atomic_folder, atomic_write, read_json, write_json
from tasks.storage.hashing import file_digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MONITORED = "val_accuracy"
WEIGHTS, STATE = "state.weights.h5", "state.json"
KEPT = 2
NONE_YET = (-1, (-math.inf, -math.inf))

log = logging.getLogger("pixelgate.training")


@dataclass(frozen=True)
class Workspace:
    """The folder of a training under way.

    Attributes:
        directory: holds everything below.
    """

    directory: Path

    @property
    def backups(self) -> Path:
        """Folder of the last backups, each a folder named by its step."""
        return self.directory / "backup"

    @property
    def best(self) -> Path:
        """Weights of the best epoch so far."""
        return self.directory / "best.weights.h5"

    @property
    def history(self) -> Path:
        """CSV with a row an epoch."""
        return self.directory / "history.csv"

    @property
    def tensorboard(self) -> Path:
        """TensorBoard's events."""
        return self.directory / "tensorboard"

    @property
    def resume_message(self) -> str:
        """A sentence on what a later run finds here."""
        steps = self._steps_done()
        if not steps:
            return "Nothing was trained yet."
        best = f" The best weights so far are in {self.best}." if self.best.exists() else ""
        return f"The same command goes on after step {steps[0]}.{best}"

    def whole_backups(self) -> list[int]:
        """Return the steps there are whole backups of, the last one first; remove torn ones."""
        return [step for step in self._steps_done() if self._is_whole(step)]

    def _is_whole(self, step: int) -> bool:
        folder = self.backup_of(step)
        try:
            if read_json(folder / STATE)["sha256"] == file_digest(folder / WEIGHTS):
                return True
            reason = "its content changed"
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = str(error)
        log.warning("the backup of step %d is not whole (%s) and left out", step, reason)
        shutil.rmtree(folder)
        return False

    def discard_after(self, step: int, *, epoch: int) -> None:
        """Remove what a training that goes on after a step, in this epoch, will do again."""
        for later in self._steps_done():
            if later > step:
                shutil.rmtree(self.backup_of(later))
        self._forget_epochs(after=epoch)

    def backup_of(self, step: int) -> Path:
        """Return the folder of a step's backup."""
        return self.backups / f"{step:09d}"

    def prune_backups(self) -> None:
        """Remove all but the last few."""
        for step in self._steps_done()[KEPT:]:
            shutil.rmtree(self.backup_of(step))

    def _steps_done(self) -> list[int]:
        """Return the steps there are backups of, the last one first."""
        whole = self.backups.glob("[0-9]*") if self.backups.exists() else ()
        return sorted((int(folder.name) for folder in whole), reverse=True)

    def epochs(self) -> pd.DataFrame:
        """Return the history so far; without a row where there is none."""
        if not self.history.exists() or not self.history.stat().st_size:
            return pd.DataFrame({"epoch": [], "loss": [], MONITORED: []})
        return pd.read_csv(self.history)

    def _forget_epochs(self, *, after: int) -> None:
        """Cut rows of epochs that will be run again off the history."""
        rows = self.epochs()
        kept = rows[rows["epoch"] < after]
        if kept.empty:
            self.history.unlink(missing_ok=True)
        elif len(kept) < len(rows):
            with atomic_write(self.history) as temporary:
                kept.to_csv(temporary, index=False)


class Backup(keras.callbacks.Callback):
    """Back up everything the next step follows from, every so many steps and at each epoch's end.

    Keras' BackupAndRestore goes back to the epoch's start with the weights of its middle, leaves
    metrics and dropout's random state behind, and writes in place; this one does none of that.
    Should stand last of the callbacks that write, so that an epoch it calls done is done in all.
    """

    def __init__(self, workspace: Workspace, *, every: int, steps: int) -> None:
        """Back up into `workspace` `every` so many steps; an epoch has `steps`."""
        super().__init__()
        self._workspace = workspace
        self._every = every
        self._steps = steps
        self._epoch = self._last = 0
        self._metrics: list[Any] | None = None

    def restore(self, model: keras.Model, step: int) -> None:
        """Load a backup into a model that is compiled as it was then.

        Metrics are taken up when the epoch begins; Keras makes them when it sees a first batch, so
        the model should have evaluated one by then.
        """
        folder = self._workspace.backup_of(step)
        state = read_json(folder / STATE)
        model.optimizer.build(model.trainable_variables)
        model.load_weights(str(folder / WEIGHTS))
        for variable, value in zip(_random_states(model), state["random"], strict=True):
            variable.assign(value)
        self._metrics = state["metrics"] if step % self._steps else None
        self._last = step

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Take up the sums of an epoch that was begun before; Keras has just set them to zero."""
        del logs
        self._epoch = epoch
        if self._metrics is not None:
            for variable, value in zip(self.model.metrics_variables, self._metrics, strict=True):
                variable.assign(value)
            self._metrics = None

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Back up when it is time; a shorter first epoch goes on in the middle of its steps."""
        del logs
        before = self._steps - self.params["steps"]
        step = self._epoch * self._steps + before + batch + 1
        # The epoch's last step is backed up with what its validation changes.
        if step - self._last >= self._every and step % self._steps:
            self._save(step)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Back up the whole epoch."""
        del logs
        self._save((epoch + 1) * self._steps)

    def _save(self, step: int) -> None:
        with atomic_folder(self._workspace.backup_of(step)) as folder:
            self.model.save_weights(str(folder / WEIGHTS))
            write_json(
                folder / STATE,
                {
                    "sha256": file_digest(folder / WEIGHTS),
                    "random": [v.numpy().tolist() for v in _random_states(self.model)],
                    "metrics": [v.numpy().tolist() for v in self.model.metrics_variables],
                },
            )
        self._last = step
        self._workspace.prune_backups()


class BestWeights(keras.callbacks.Callback):
    """Keep the weights of the best epoch, but never of one whose loss is no number.

    Small validation splits are soon told apart without an error, epoch after epoch: of equal
    accuracies the lower loss is the better one, and of equal losses the earlier epoch.

    Attributes:
        epoch: the best so far, from 0; -1 before the first.
        gained: the last one with a better accuracy than all before it.
    """

    def __init__(self, workspace: Workspace) -> None:
        """Go on with what the history of `workspace` calls the best."""
        super().__init__()
        self._workspace = workspace
        self.gained = -1
        self.epoch, self._rank = NONE_YET
        for row in workspace.epochs().to_dict("records"):
            self._take_up(int(row["epoch"]), row)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keep this epoch's weights if it is the best so far."""
        if self._take_up(epoch, logs or {}):
            with atomic_write(self._workspace.best) as temporary:
                self.model.save_weights(str(temporary))

    def _take_up(self, epoch: int, metrics: Mapping[Any, float]) -> bool:
        """Return whether an epoch is the best so far; it is remembered then."""
        rank = (metrics.get(MONITORED, -math.inf), -metrics.get("val_loss", math.inf))
        better = math.isfinite(metrics.get("loss", math.nan)) and rank > self._rank
        if better:
            self.gained = epoch if rank[0] > self._rank[0] else self.gained
            self.epoch, self._rank = epoch, rank
        return better


def _random_states(model: keras.Model) -> list[keras.Variable]:
    """The states of layers that draw random numbers, such as dropout."""
    return [v for v in model.variables if v.path.endswith("seed_generator_state")]
