"""A model in training goes in; what it can be resumed from, and its best weights, come out."""

from __future__ import annotations

import json
import math
import shutil
from typing import TYPE_CHECKING, Any

import keras

from tasks.errors import DamagedFileError
from tasks.storage.atomic import atomic_folder, read_json
from tasks.storage.checked import damage_of
from tasks.training.workspace import MONITORED, STATE, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tasks.training.workspace import Workspace

NO_EPOCH = (-1, (-math.inf, -math.inf))


class Backup(keras.callbacks.Callback):
    """Back up everything the next step depends on, every few steps and at the end of each epoch.

    Neither Keras' BackupAndRestore nor tf.train.CheckpointManager resumes in the middle of an epoch
    with the same figures: docs/decisions/0006. Put it after all callbacks that write, so that an
    epoch it has saved is complete in their files too.
    """

    def __init__(self, workspace: Workspace, *, every: int, steps: int) -> None:
        """Back up into `workspace` every `every` steps; an epoch has `steps`."""
        super().__init__()
        self._workspace = workspace
        self._every = every
        self._steps = steps
        self._epoch = self._last = 0
        self._metrics: list[Any] | None = None

    def restore(self, model: keras.Model, step: int) -> None:
        """Load a backup into a model that is compiled as it was then.

        The metrics are restored when the epoch begins. Keras creates them with the first batch, so
        the model should have evaluated one by then.
        """
        folder = self._workspace.backup_of(step)
        state = read_json(folder / STATE)
        # Before the first step an optimizer has no variables to load anything into.
        model.optimizer.build(model.trainable_variables)
        model.load_weights(str(folder / WEIGHTS))
        for variable, value in zip(_random_states(model), state["random"], strict=True):
            variable.assign(value)
        self._metrics = state["metrics"] if step % self._steps else None
        self._last = step

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Restore the metrics of a resumed epoch; Keras has just reset them to zero."""
        del logs
        self._epoch = epoch
        if self._metrics is not None:
            for variable, value in zip(self.model.metrics_variables, self._metrics, strict=True):
                variable.assign(value)
            self._metrics = None

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Back up if it is time."""
        del logs
        # A resumed epoch has fewer steps, and Keras counts its batches from 0 again.
        before = self._steps - self.params["steps"]
        step = self._epoch * self._steps + before + batch + 1
        # An epoch's last step is saved by on_epoch_end, after validation: resumed from there, the
        # epoch is done and must have its row in the history.
        if step - self._last >= self._every and step % self._steps:
            self._save(step)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Back up the complete epoch."""
        del logs
        self._save((epoch + 1) * self._steps)

    def _save(self, step: int) -> None:
        with atomic_folder(self._workspace.backup_of(step), sealed=True) as folder:
            self.model.save_weights(str(folder / WEIGHTS))
            # What save_weights leaves out.
            state = {
                "random": [v.numpy().tolist() for v in _random_states(self.model)],
                "metrics": [v.numpy().tolist() for v in self.model.metrics_variables],
            }
            (folder / STATE).write_text(json.dumps(state), "utf-8")
        self._last = step
        self._workspace.prune_backups()


class BestWeights(keras.callbacks.Callback):
    """Keep the weights of the best epoch, but never of one whose loss is not finite.

    On a small validation split accuracy soon stays at its best value while the model still learns:
    of equal accuracies the lower loss is better, and of equal losses the earlier epoch. Keras'
    ModelCheckpoint monitors one metric only.

    Attributes:
        epoch: the best so far, from 0; -1 before the first.
        gained: the last one with a better accuracy than all before it.
    """

    def __init__(self, workspace: Workspace) -> None:
        """Continue from the best epoch in the history of `workspace`."""
        super().__init__()
        self._workspace = workspace
        self.gained = -1
        self.epoch, self._rank = NO_EPOCH
        for row in workspace.epochs().to_dict("records"):
            self._update(int(row["epoch"]), row)

    def intact_file(self) -> Path | None:
        """Return the best weights; None before the first epoch with a finite loss.

        Raises:
            DamagedFileError: they are missing, or not what was written.
        """
        if self.epoch < 0:
            return None
        folder = self._workspace.best_of(self.epoch)
        damage = damage_of(folder)
        if damage is not None:
            raise DamagedFileError(folder, damage, "Run again to train from the start.")
        return folder / WEIGHTS

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Remove weights that are no longer the best; history and backup know of the new ones."""
        del epoch, logs
        self._workspace.prune_best(self.epoch)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Save this epoch's weights if it is the best so far."""
        if self._update(epoch, logs or {}):
            folder = self._workspace.best_of(epoch)
            # Of an epoch that was interrupted before its backup, and is trained again.
            shutil.rmtree(folder, ignore_errors=True)
            with atomic_folder(folder, sealed=True) as unfinished:
                self.model.save_weights(str(unfinished / WEIGHTS))

    def _update(self, epoch: int, metrics: Mapping[Any, float]) -> bool:
        """Return whether an epoch is the best so far, and remember it if so."""
        rank = (metrics.get(MONITORED, -math.inf), -metrics.get("val_loss", math.inf))
        better = math.isfinite(metrics.get("loss", math.nan)) and rank > self._rank
        if better:
            self.gained = epoch if rank[0] > self._rank[0] else self.gained
            self.epoch, self._rank = epoch, rank
        return better


def _random_states(model: keras.Model) -> list[keras.Variable]:
    """Return the states of layers that draw random numbers, such as dropout."""
    return [v for v in model.variables if v.path.endswith("seed_generator_state")]
