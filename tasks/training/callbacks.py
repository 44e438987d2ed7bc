"""Each epoch's metrics go in; a training ends early where it should, and the reason comes out."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import keras

from tasks.runtime.user_code import import_by_path, users_code, wrong_result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tasks.config.training import TrainingConfig
    from tasks.training.checkpoints import BestWeights

    OnEpoch = Callable[[int, int, dict[str, float]], None]

ALL_EPOCHS_DONE = "all epochs done"
# A model that answers at random has a loss of ln(classes); a diverged one is far above that.
DIVERGED = 3.0
# Share of the time, and at most so many seconds, reserved for the first epoch's validation, whose
# length is not known yet.
FIRST_RESERVE, MOST_RESERVE = 0.1, 30.0


class TrainingGuard(keras.callbacks.Callback):
    """End training in time, on divergence or without progress, and say why it ended.

    Expects keras.callbacks.TerminateOnNaN before it, which ends the epoch after a loss that is not
    finite. Keras' EarlyStopping is no alternative: it starts counting again in each `fit`, and a
    training is several of them when it is resumed or has a frozen base.

    Attributes:
        reason: why training ended, as part of a sentence.
        good: False if training ended because of a fault.
        deadline: time.monotonic() at which training.max_minutes are over.
    """

    def __init__(
        self,
        settings: TrainingConfig,
        best: BestWeights,
        *,
        epochs: int,
        classes: int,
    ) -> None:
        """Guard a training of `epochs` epochs; its time starts now."""
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
        self.deadline = time.monotonic() + seconds
        self._reserve = min(MOST_RESERVE, FIRST_RESERVE * seconds)
        self._last_batch: float | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Learn from the previous epoch how long validation and writing files take."""
        del logs
        self._epoch = epoch + 1
        if self._last_batch is not None:
            self._reserve = time.monotonic() - self._last_batch

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Stop when there is only time left for a last validation."""
        del batch, logs
        self._last_batch = time.monotonic()
        # An epoch that already ends for another reason did not run out of time.
        ended = self.model.stop_training
        if not ended and self._last_batch + self._reserve > self.deadline:
            self._stop(
                f"training.max_minutes = {self._minutes:g} ran out in epoch {self._epoch} of"
                f" {self._epochs}"
            )

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Stop on a loss that is not finite, on divergence, or without progress for too long."""
        loss = (logs or {}).get("loss", math.nan)
        if not math.isfinite(loss):
            self._stop(f"the loss was not a number in epoch {epoch + 1}", good=False)
        # High and falling is no divergence: a first epoch may begin far above the limit.
        elif loss > self._limit and loss >= self._loss:
            self._stop(f"training diverged: a loss of {loss:.3g} in epoch {epoch + 1}", good=False)
        self._loss = loss
        # BestWeights has read the history, so that patience counts on after a resumption.
        if self._patience is not None and epoch - self._best.gained >= self._patience:
            self._stop(
                f"no better accuracy in {self._patience} epochs (training.early_stopping_patience)"
            )

    def _stop(self, reason: str, *, good: bool = True) -> None:
        self.model.stop_training = True
        # The first reason is the cause; what follows from it must not replace it.
        if self.reason == ALL_EPOCHS_DONE:
            self.reason, self.good = reason, good


def report_epochs(epochs: int, on_epoch: OnEpoch) -> keras.callbacks.Callback:
    """Return a callback that reports each epoch's metrics.

    Args:
        epochs: how many there will be.
        on_epoch: called with the epoch from 1, the number of epochs, and the metrics.
    """
    return keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: on_epoch(
            epoch + 1, epochs, {name: float(value) for name, value in (logs or {}).items()}
        )
    )


def user_callbacks(paths: Sequence[str]) -> list[keras.callbacks.Callback]:
    """Return the user's own callbacks.

    Args:
        paths: each as package.module:Class.

    Raises:
        SettingsError: one can't be imported or made, or is no callback.
    """
    return [_user_callback(path) for path in paths]


def _user_callback(path: str) -> keras.callbacks.Callback:
    setting = "training.callbacks"
    kind = import_by_path(path, setting)
    with users_code(path, setting):
        callback = kind()
    if not isinstance(callback, keras.callbacks.Callback):
        raise wrong_result(callback, "a keras.callbacks.Callback", path, setting)
    return callback
