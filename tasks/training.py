"""Inputs and settings go in; the best model's file and the history of its training come out."""

from __future__ import annotations

import logging
import math
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pandas as pd

from tasks.errors import SettingsError, TrainingFailedError
from tasks.files import read_json, replacing, write_json
from tasks.generators.pipelines import evaluation_batches, steps_per_epoch, training_batches
from tasks.inventory.columns import VALIDATION
from tasks.models import build_model
from tasks.settings import import_by_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.config import RetrainConfig, TrainingConfig
    from tasks.generators.recipe import InputContract, Inputs

    OnEpoch = Callable[[int, int, dict[str, float]], None]

MONITORED = "val_accuracy"
BEST, HISTORY, BACKUP = "best.keras", "history.csv", "backup"
DEFAULT_STEPS = 4_000
FEWEST_EPOCHS, MOST_EPOCHS = 8, 60
WARM_UP = 0.2

log = logging.getLogger("pixelgate.training")


@dataclass(frozen=True)
class TrainedModel:
    """Where the best weights of a training are.

    Attributes:
        path: .keras file; takes uint8 pictures and answers with probabilities.
        history: CSV with a row an epoch: epoch, loss, accuracy, val_loss, val_accuracy and so on.
        epochs: how many were run.
        best_epoch: the one the file is of, from 1.
        steps_per_epoch: batches an epoch.
        parameters: weights in the model.
    """

    path: Path
    history: Path
    epochs: int
    best_epoch: int
    steps_per_epoch: int
    parameters: int


def train_model(
    inputs: Inputs,
    config: RetrainConfig,
    *,
    workspace: Path,
    directory: Path,
    on_epoch: OnEpoch,
) -> TrainedModel:
    """Train on the train split and keep the epoch with the best validation accuracy.

    The test split is not touched. A training that was cut short is found in `workspace` and goes on
    after its last whole epoch with the data it would have had. In `directory` this leaves
    model.keras, history.csv, training.json and tensorboard/.

    Args:
        inputs: what `build_inputs` returned.
        config: the training and generators parts, and the seed.
        workspace: of this recipe, the same in the next try; removed at the end.
        directory: of the finished model; made if need be.
        on_epoch: called after each epoch with its number from 1, the number of epochs, and its
            metrics.

    Raises:
        SettingsError: no such model, optimizer or callback.
        TrainingFailedError: the loss was not a number from the first epoch on.
    """
    workspace.mkdir(parents=True, exist_ok=True)
    keras.backend.clear_session()
    keras.utils.set_random_seed(config.seed)
    steps = steps_per_epoch(inputs)
    epochs = config.training.epochs or default_epochs(steps)
    model = build_model(inputs.contract, config.training, rescale=config.generators.rescale)
    compile_model(model, inputs.contract, config.training, steps=steps * epochs)
    done = _finished_epochs(workspace)
    if done:
        log.info("going on after epoch %d of a training that was cut short", done)
        _advance_seeds(model, done * steps)
    model.fit(
        training_batches(inputs, seed=config.seed, first_step=done * steps),
        validation_data=evaluation_batches(inputs, VALIDATION),
        epochs=epochs,
        steps_per_epoch=steps,
        shuffle=False,
        verbose=0,
        callbacks=[
            *_callbacks(workspace, config.training),
            _EpochReporter(epochs, on_epoch),
        ],
    )
    kept = _keep(workspace, directory)
    trained = TrainedModel(
        path=kept,
        history=directory / HISTORY,
        steps_per_epoch=steps,
        parameters=model.count_params(),
        **_read_history(directory / HISTORY),
    )
    write_json(directory / "training.json", asdict(trained))
    return trained


def default_epochs(steps: int) -> int:
    """Return as many epochs as give about 4,000 steps, at least 8 and at most 60."""
    return min(MOST_EPOCHS, max(FEWEST_EPOCHS, math.ceil(DEFAULT_STEPS / steps)))


def compile_model(
    model: keras.Model, contract: InputContract, settings: TrainingConfig, *, steps: int
) -> None:
    """Compile with the loss the class mode asks for and the optimizer and schedule of the settings.

    Args:
        model: compiled in place, as Keras does.
        contract: its class mode decides the loss.
        settings: optimizer, learning rate and schedule, label smoothing.
        steps: of the whole training; the schedule ends there.

    Raises:
        SettingsError: Keras knows no such optimizer.
    """
    losses: dict[str, Any] = {
        "categorical": keras.losses.CategoricalCrossentropy(
            label_smoothing=settings.label_smoothing
        ),
        "sparse": keras.losses.SparseCategoricalCrossentropy(),
        "binary": keras.losses.BinaryCrossentropy(),
    }
    model.compile(
        optimizer=_optimizer(settings, steps),
        loss=losses[contract.class_mode],
        metrics=["accuracy"],
    )


def _optimizer(settings: TrainingConfig, steps: int) -> keras.optimizers.Optimizer:
    rate: Any = settings.learning_rate
    if settings.learning_rate_schedule == "cosine":
        warm_up = max(1, round(steps * WARM_UP))
        rate = keras.optimizers.schedules.CosineDecay(
            rate / 20, max(1, steps - warm_up), warmup_target=rate, warmup_steps=warm_up
        )
    try:
        optimizer = keras.optimizers.get(settings.optimizer)
        return type(optimizer).from_config(optimizer.get_config() | {"learning_rate": rate})
    except (ValueError, TypeError):
        raise SettingsError(
            "training.optimizer must be the name of a Keras optimizer such as adam, sgd or adamw."
            f" Received: {settings.optimizer}"
        ) from None


class _FiniteCheckpoint(keras.callbacks.ModelCheckpoint):
    """Keep the best epoch, but never one whose loss is no number, however it scored."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if math.isfinite((logs or {}).get("loss", math.nan)):
            super().on_epoch_end(epoch, logs)


class _EpochReporter(keras.callbacks.Callback):
    """Tell each epoch's metrics as they happen."""

    def __init__(self, epochs: int, on_epoch: OnEpoch) -> None:
        super().__init__()
        self._epochs = epochs
        self._on_epoch = on_epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._on_epoch(epoch + 1, self._epochs, {k: float(v) for k, v in (logs or {}).items()})


def _callbacks(workspace: Path, settings: TrainingConfig) -> list[keras.callbacks.Callback]:
    history = _history_so_far(workspace)
    callbacks = [
        keras.callbacks.TerminateOnNaN(),
        _FiniteCheckpoint(
            str(workspace / BEST),
            monitor=MONITORED,
            save_best_only=True,
            initial_value_threshold=None if history.empty else history[MONITORED].max(),
        ),
        keras.callbacks.CSVLogger(str(workspace / HISTORY), append=True),
        keras.callbacks.TensorBoard(str(workspace / "tensorboard")),
        # Last of those that write, so that an epoch it calls done is done in all of them.
        keras.callbacks.BackupAndRestore(str(workspace / BACKUP)),
    ]
    if settings.early_stopping_patience is not None:
        callbacks.append(
            keras.callbacks.EarlyStopping(
                monitor=MONITORED, patience=settings.early_stopping_patience
            )
        )
    own = [import_by_path(path, "training.callbacks")() for path in settings.callbacks]
    return callbacks + own


def _finished_epochs(workspace: Path) -> int:
    """Return how many epochs the backup in a workspace holds."""
    file = workspace / BACKUP / "training_metadata.json"
    return int(read_json(file)["epoch"]) if file.exists() else 0


def _advance_seeds(model: keras.Model, steps: int) -> None:
    """Take the layers' random numbers, such as dropout's, to where they were after `steps`.

    Keras' backup holds weights and optimizer but not these states: a seed and a counter, which
    goes up by one a step.
    """
    for variable in model.variables:
        if variable.path.endswith("seed_generator_state"):
            seed, count = variable.numpy()
            variable.assign([seed, count + steps])


def _history_so_far(workspace: Path) -> pd.DataFrame:
    """Return the rows of epochs the backup holds, and cut later ones off the file."""
    file = workspace / HISTORY
    if not file.exists() or file.stat().st_size == 0:
        return pd.DataFrame()
    rows = pd.read_csv(file)
    rows = rows[rows["epoch"] < _finished_epochs(workspace)]
    if rows.empty:
        file.unlink()
    else:
        with replacing(file) as temporary:
            rows.to_csv(temporary, index=False)
    return rows


def _keep(workspace: Path, directory: Path) -> Path:
    """Move what a finished training leaves to its run, the best weights as model.keras."""
    best = workspace / BEST
    if not best.exists():
        shutil.rmtree(workspace)
        raise TrainingFailedError(
            "Training never reached a finite loss, so there is no model to evaluate. Lower"
            " training.learning_rate, or look at the pictures in the report's previews."
        )
    directory.mkdir(parents=True, exist_ok=True)
    with replacing(directory / "model.keras") as temporary:
        shutil.copyfile(best, temporary)
    for name in (HISTORY, "tensorboard"):
        shutil.move(workspace / name, directory / name)
    shutil.rmtree(workspace)
    return directory / "model.keras"


def _read_history(history: Path) -> dict[str, int]:
    epochs = pd.read_csv(history)
    finite = epochs[MONITORED].where(np.isfinite(epochs["loss"]), -math.inf)
    return {"epochs": len(epochs), "best_epoch": int(finite.to_numpy().argmax()) + 1}
