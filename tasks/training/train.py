"""A training from its workspace to its model file, in this process."""

from __future__ import annotations

import contextlib
import logging
import math
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from tasks.errors import TrainingFailedError
from tasks.generators.pipelines import evaluation_batches, steps_per_epoch, training_batches
from tasks.inventory.columns import VALIDATION
from tasks.models.architectures import build_model
from tasks.runtime.user_code import import_by_path
from tasks.storage.atomic import atomic_folder, write_json
from tasks.training.callbacks import ALL_EPOCHS_DONE, EpochReporter, TrainingGuard
from tasks.training.checkpoints import Backup, BestWeights, Workspace
from tasks.training.class_weights import class_weights
from tasks.training.distributed import ClusterModel, agree_on_step
from tasks.training.fused_batch_norm import fuse_batch_normalization
from tasks.training.hardware import choose_hardware
from tasks.training.initial_weights import load_base_weights, load_champion_weights
from tasks.training.phases import plan_phases, prepare_phase
from tasks.training.result import HISTORY, MODEL, RECORD, TENSORBOARD, TrainedModel, read_trained
from tasks.training.test_time_augmentation import average_over_flips
from tasks.training.whitening import whiten_first_layer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tasks.config.schema import RetrainConfig
    from tasks.generators.inputs import Inputs
    from tasks.training.callbacks import OnEpoch
    from tasks.training.hardware import Hardware
    from tasks.training.initial_weights import InitialModel
    from tasks.training.phases import Phase

DEFAULT_STEPS = 4_000
FEWEST_EPOCHS, MOST_EPOCHS = 8, 60

log = logging.getLogger("pixelgate.training")


def train_model(  # noqa: PLR0913 - the two folders, and what is told and taken from outside
    inputs: Inputs,
    config: RetrainConfig,
    *,
    workspace: Path,
    directory: Path,
    on_epoch: OnEpoch,
    champion: InitialModel | None = None,
) -> TrainedModel:
    """Train on the train split and keep the epoch with the best validation accuracy.

    The test split is not touched. A training that was cut short is found in `workspace` and goes on
    after its last backup, with the data it would have had; one that has finished in `directory` is
    returned as it is. Both folders should be named by all that a training follows from.

    Args:
        inputs: what `build_inputs` returned.
        config: the training and generators parts, and the seed.
        workspace: of a training under way; removed at the end.
        directory: of the finished model; appears as a whole.
        on_epoch: called after each epoch with its number from 1, the number of epochs, and its
            metrics.
        champion: what to start from, if training.warm_start is set.

    Raises:
        SettingsError: no such model, optimizer, callback or weights.
        TrainingFailedError: no epoch had a finite loss, the disk was full, or memory too small.
    """
    finished = read_trained(directory)
    if finished is not None:
        log.info("this training was finished before")
        return finished
    # What is there and no finished training would stand in the way of one.
    shutil.rmtree(directory, ignore_errors=True)
    # A cluster has to be joined before TensorFlow does anything else.
    hardware = choose_hardware(config.training)
    strategy = hardware.open_strategy()
    steps = config.training.steps_per_epoch or steps_per_epoch(
        inputs, whole_batches=hardware.shares > 1
    )
    hardware = hardware.with_precision(config.paths.hardware).for_steps(steps)
    log.info("training %s", hardware.sentence)
    keras.backend.clear_session()
    keras.utils.set_random_seed(config.seed)
    training = _Training(
        inputs=inputs,
        config=config,
        workspace=Workspace(workspace),
        hardware=hardware,
        steps=steps,
        epochs=config.training.epochs or default_epochs(steps),
    )
    with (
        _faults_as_messages(training.workspace),
        dtype_policy(hardware.precision),
        strategy.scope(),
    ):
        watch = training.run(on_epoch, champion)
    if watch.reason != ALL_EPOCHS_DONE:
        log.warning("training ended early: %s", watch.reason)
    return training.finish(watch, directory)


def default_epochs(steps: int) -> int:
    """Return as many epochs as give about 4,000 steps, at least 8 and at most 60."""
    return min(MOST_EPOCHS, max(FEWEST_EPOCHS, math.ceil(DEFAULT_STEPS / steps)))


@dataclass(frozen=True)
class _Training:
    """One training: what it is made of, and its course."""

    inputs: Inputs
    config: RetrainConfig
    workspace: Workspace
    hardware: Hardware
    steps: int
    epochs: int

    def run(self, on_epoch: OnEpoch, champion: InitialModel | None) -> TrainingGuard:
        """Run what is left of the phases; the best weights are in the workspace then."""
        self.workspace.directory.mkdir(parents=True, exist_ok=True)
        done = self._step_to_go_on_from()
        self.workspace.discard_after(done, epoch=done // self.steps)
        model = self.build(ClusterModel if self.hardware.workers > 1 else keras.Model)
        if done:
            log.info(
                "going on after step %d of %d, of a training that was cut short",
                done,
                self.steps * self.epochs,
            )
        else:
            self._take_weights(model, champion)
        fuse_batch_normalization(model)
        settings = self.config.training
        best = BestWeights(self.workspace)
        watch = TrainingGuard(
            settings, best, epochs=self.epochs, classes=len(self.inputs.contract.classes)
        )
        backup = Backup(self.workspace, every=settings.backup_steps, steps=self.steps)
        callbacks = [
            best,
            keras.callbacks.CSVLogger(str(self.workspace.history), append=True),
            keras.callbacks.TensorBoard(str(self.workspace.tensorboard), write_graph=False),
            *(import_by_path(path, "training.callbacks")() for path in settings.callbacks),
            watch,
            # After all that write, so that an epoch it calls done is done in all of them.
            backup,
            EpochReporter(self.epochs, on_epoch),
        ]
        for phase in plan_phases(settings, epochs=self.epochs):
            if done > phase.last_epoch * self.steps:
                continue
            prepare_phase(
                model, phase, self.inputs.contract, settings, self.hardware, steps=self.steps
            )
            if done > phase.first_epoch * self.steps:
                backup.restore(model, done)
            self._fit(model, phase, done, callbacks)
            if model.stop_training:
                break
        return watch

    def _step_to_go_on_from(self) -> int:
        backups = self.workspace.whole_backups()
        if self.hardware.workers > 1:
            return agree_on_step(tf.distribute.get_strategy(), backups)
        return max(backups, default=0)

    def build(self, kind: type[keras.Model] = keras.Model) -> keras.Model:
        """Build the model, untrained, under the present dtype policy."""
        return build_model(
            self.inputs.contract,
            self.config.training,
            rescale=self.config.generators.rescale,
            kind=kind,
        )

    def _take_weights(self, model: keras.Model, champion: InitialModel | None) -> None:
        rescale = self.config.generators.rescale
        whiten_first_layer(model, self.inputs, rescale=rescale)
        if self.config.training.weights is not None:
            load_base_weights(model, self.config.training.weights)
        if champion is not None:
            load_champion_weights(model, champion, self.inputs.contract.classes)

    def _fit(
        self, model: keras.Model, phase: Phase, done: int, callbacks: list[keras.callbacks.Callback]
    ) -> None:
        """Fit the rest of a phase; an epoch that was begun before is finished by itself."""
        shares = self.hardware.shares
        validation = evaluation_batches(self.inputs, VALIDATION, shares=shares)
        weights = class_weights(self.inputs, self.config.training)
        position, end = max(done, phase.first_epoch * self.steps), phase.last_epoch * self.steps
        if position % self.steps:
            # Keras makes the metrics, whose sums are in the backup, when it sees a first batch.
            model.evaluate(validation.take(1), verbose=0)
        while position < end and not model.stop_training:
            epoch, skipped = divmod(position, self.steps)
            model.fit(
                training_batches(
                    self.inputs,
                    seed=self.config.seed,
                    first_step=position,
                    class_weights=weights,
                    whole_batches=shares > 1,
                ),
                validation_data=validation,
                initial_epoch=epoch,
                epochs=epoch + 1 if skipped else phase.last_epoch,
                steps_per_epoch=self.steps - skipped,
                shuffle=False,
                verbose=0,
                callbacks=callbacks,
            )
            position = (epoch + 1) * self.steps if skipped else end

    def finish(self, watch: TrainingGuard, directory: Path) -> TrainedModel:
        """Put the best weights into a float32 model, and all files in their place at once."""
        place = self.workspace
        if not place.best.exists():
            shutil.rmtree(place.directory)
            raise TrainingFailedError(
                f"Training left no model to evaluate: {watch.reason}. Lower"
                " training.learning_rate, or look at the images in the report's previews."
            )
        with _faults_as_messages(place):
            model = self.build()
            model.load_weights(str(place.best))
            if self.config.training.test_time_augmentation:
                model = average_over_flips(model, self.config.generators)
            record = self._record(model, watch)
            with atomic_folder(directory) as finished:
                model.save(finished / MODEL)
                shutil.copy(place.history, finished / HISTORY)
                shutil.copytree(place.tensorboard, finished / TENSORBOARD)
                write_json(finished / RECORD, record)
        shutil.rmtree(place.directory)
        return TrainedModel(directory=directory, **record)

    def _record(self, model: keras.Model, watch: TrainingGuard) -> dict[str, Any]:
        return {
            "epochs": len(self.workspace.epochs()),
            "planned_epochs": self.epochs,
            "best_epoch": BestWeights(self.workspace).epoch + 1,
            "steps_per_epoch": self.steps,
            "parameters": model.count_params(),
            "ended": watch.reason,
            "ended_well": watch.good,
            "seed": self.config.seed,
            "hardware": self.hardware.sentence,
            "is_chief": self.hardware.is_chief,
        }


@contextlib.contextmanager
def dtype_policy(precision: str) -> Iterator[None]:
    """Build layers of this dtype policy meanwhile."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@contextlib.contextmanager
def _faults_as_messages(place: Workspace) -> Iterator[None]:
    """Tell what stood in the way, and that nothing was lost."""
    try:
        yield
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise TrainingFailedError(
            f"Memory was too small for training: {_first_line(error)}. Lower generators.batch_size"
            f" or generators.target_size. {place.resume_message}"
        ) from error
    except OSError as error:
        raise TrainingFailedError(
            f"Training could not write its files: {_first_line(error)}. Make room on the disk of"
            f" {place.directory}. {place.resume_message}"
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
