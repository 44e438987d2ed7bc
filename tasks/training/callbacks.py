"""Ends a training that should not go on, keeps the reason, and tells of each epoch."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import keras

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.config.training import TrainingConfig
    from tasks.training.checkpoints import BestWeights

    OnEpoch = Callable[[int, int, dict[str, float]], None]

ALL_EPOCHS_DONE = "all epochs done"
# A model that answers at random has a loss of ln(classes); a diverged one is far above that.
DIVERGED = 3.0
# Share of the time kept back for the first epoch's validation, whose length nobody knows yet.
FIRST_RESERVE, MOST_RESERVE = 0.1, 30.0


class TrainingGuard(keras.callbacks.Callback):
    """End training in time, after a loss that is no number, on divergence, or without progress.

    Attributes:
        reason: why training ended, in a sentence's part.
        good: False where training ended for a fault.
    """

    def __init__(
        self,
        settings: TrainingConfig,
        best: BestWeights,
        *,
        epochs: int,
        classes: int,
    ) -> None:
        """TrainingGuard a training of so many epochs; its time begins now."""
        super().__init__()
        self.reason, self.good = ALL_EPOCHS_DONE, True
        self._best = best
        self._epochs = epochs
        self._patience = settings.early_stopping_patience
        self._limit = DIVERGED * math.log(max(2, classes))
        self._loss = math.inf
        self._epoch = 0
        self._minutes = settings.max_minutes
        seconds = 60 * (settings.max_minutes or math.inf)
        self._deadline = time.monotonic() + seconds
        self._reserve = min(MOST_RESERVE, FIRST_RESERVE * seconds)
        self._last_batch: float | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Learn from the epoch before how long validation and the writing of files take."""
        del logs
        self._epoch = epoch + 1
        if self._last_batch is not None:
            self._reserve = time.monotonic() - self._last_batch

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Stop when the loss is no number, or the time is over but for a last validation."""
        del batch
        self._last_batch = time.monotonic()
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            self._stop(f"the loss was not a number in epoch {self._epoch}", good=False)
        elif self._last_batch + self._reserve > self._deadline:
            self._stop(
                f"training.max_minutes = {self._minutes:g} was over in epoch {self._epoch} of"
                f" {self._epochs}"
            )

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Stop on divergence, or when accuracy gained nothing for too long."""
        loss = (logs or {}).get("loss", math.nan)
        if loss > self._limit and loss >= self._loss:
            self._stop(f"training diverged: a loss of {loss:.3g} in epoch {epoch + 1}", good=False)
        self._loss = loss
        if self._patience is not None and epoch - self._best.gained >= self._patience:
            self._stop(
                f"no better accuracy in {self._patience} epochs (training.early_stopping_patience)"
            )

    def _stop(self, reason: str, *, good: bool = True) -> None:
        self.model.stop_training = True
        if self.reason == ALL_EPOCHS_DONE:
            self.reason, self.good = reason, good


class EpochReporter(keras.callbacks.Callback):
    """Tell each epoch's metrics as they happen."""

    def __init__(self, epochs: int, on_epoch: OnEpoch) -> None:
        """Call `on_epoch` with the epoch from 1, the number of epochs, and the metrics."""
        super().__init__()
        self._epochs = epochs
        self._on_epoch = on_epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Tell it."""
        self._on_epoch(epoch + 1, self._epochs, {k: float(v) for k, v in (logs or {}).items()})
