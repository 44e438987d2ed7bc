"""A training request goes in; the best epoch's model and the history of all epochs come out."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import keras

from tasks.config.training import IMAGENET
from tasks.errors import DamagedFileError, TrainingFailedError
from tasks.generators.pipelines import evaluation_batches, steps_per_epoch, training_batches
from tasks.inventory.columns import VALIDATION
from tasks.models.architectures import build_model
from tasks.storage.atomic import atomic_folder, write_json
from tasks.storage.checked import set_aside
from tasks.training.callbacks import ALL_EPOCHS_DONE, TrainingGuard, report_epochs, user_callbacks
from tasks.training.checkpoints import Backup, BestWeights
from tasks.training.class_weights import class_weights
from tasks.training.distributed import ClusterModel, agree_on_step
from tasks.training.features_phase import run_features_phase
from tasks.training.finishing import finish_model
from tasks.training.fused_batch_norm import fuse_batch_normalization
from tasks.training.hardware import choose_hardware
from tasks.training.initial_weights import (
    load_base_weights,
    load_champion_weights,
    load_imagenet_weights,
)
from tasks.training.phases import plan_epochs, plan_phases, prepare_phase
from tasks.training.precision import dtype_policy
from tasks.training.result import HISTORY, MODEL, RECORD, TENSORBOARD, TrainedModel, read_trained
from tasks.training.training_faults import faults_as_messages
from tasks.training.whitening import whiten_first_layer
from tasks.training.workspace import Workspace

if TYPE_CHECKING:
    import tensorflow as tf

    from tasks.training.callbacks import OnEpoch
    from tasks.training.hardware import Hardware
    from tasks.training.phases import Phase
    from tasks.training.request import TrainingRequest

log = logging.getLogger("pixelgate.training")


def train_model(request: TrainingRequest, *, on_epoch: OnEpoch) -> TrainedModel:
    """Train on the train split and keep the epoch with the best validation accuracy.

    The test split is not touched. An interrupted training resumes from its last backup in
    `request.workspace`, with the batches it would have seen anyway; one that has already finished
    in `request.directory` is returned as it is.

    Args:
        request: data, settings and folders.
        on_epoch: called after each epoch with its number from 1, the number of epochs, and its
            metrics.

    Raises:
        SettingsError: no such model, optimizer, callback or weights.
        TrainingFailedError: no epoch had a finite loss, or disk or memory ran out.
    """
    finished = read_trained(request.directory)
    if finished is not None:
        log.info("this training has already finished")
        return finished
    # Files left of a damaged result would make the rename at the end fail.
    shutil.rmtree(request.directory, ignore_errors=True)
    training = _Training.prepare(request)
    with (
        faults_as_messages(training.workspace, request.settings),
        dtype_policy(training.hardware.precision),
        training.strategy.scope(),
    ):
        guard = training.run(on_epoch)
    if guard.reason != ALL_EPOCHS_DONE:
        log.warning("training ended early: %s", guard.reason)
    return training.finish(guard)


@dataclass(frozen=True)
class _Training:
    """One training: a request, and what was decided for it."""

    request: TrainingRequest
    hardware: Hardware
    strategy: tf.distribute.Strategy
    steps: int
    epochs: int

    @classmethod
    def prepare(cls, request: TrainingRequest) -> Self:
        """Decide what the settings leave open, and seed all random draws."""
        settings = request.settings
        # A cluster has to be joined before TensorFlow does anything else.
        hardware = choose_hardware(settings)
        strategy = hardware.open_strategy()
        steps = settings.steps_per_epoch or steps_per_epoch(
            request.inputs, drop_remainder=hardware.replicas > 1
        )
        hardware = hardware.with_precision(request.hardware_cache).for_steps(steps)
        log.info("training %s", hardware.description)
        # Names and seeds count up within a Keras session: a training that came before in this
        # process must not change this one's.
        keras.backend.clear_session()
        keras.utils.set_random_seed(request.seed)
        return cls(request, hardware, strategy, steps, plan_epochs(settings, steps))

    @property
    def workspace(self) -> Workspace:
        """The folder of the training while it is in progress."""
        return Workspace(self.request.workspace)

    def run(self, on_epoch: OnEpoch) -> TrainingGuard:
        """Run the phases that are left; the best weights are in the workspace then."""
        settings = self.request.settings
        self.workspace.directory.mkdir(parents=True, exist_ok=True)
        done = self._step_to_resume_after()
        self.workspace.discard_after(done, epoch=done // self.steps)
        if done and not self._has_best_weights():
            done = 0
            self.workspace.discard_after(0, epoch=0)
        model = self._initial_model(done)
        best = BestWeights(self.workspace)
        classes = len(self.request.inputs.contract.classes)
        guard = TrainingGuard(settings, best, epochs=self.epochs, classes=classes)
        backup = Backup(self.workspace, every=settings.backup_steps, steps=self.steps)
        callbacks = self._callbacks(best, guard, backup, on_epoch)
        for phase in plan_phases(settings, epochs=self.epochs, steps_per_epoch=self.steps):
            if done > phase.end_step:
                continue
            prepare_phase(model, phase, self.request.inputs.contract, settings, self.hardware)
            # A backup holds the optimizer of the phase it was made in, so it is loaded there, even
            # if that phase has no step left and only hands its weights to the next one.
            if done > phase.first_step:
                backup.restore(model, done)
            if phase.base != "features":
                self._fit(model, phase, done, callbacks)
            elif not done:
                run_features_phase(model, self.request, callbacks, deadline=guard.deadline)
            if model.stop_training:
                break
        return guard

    def _step_to_resume_after(self) -> int:
        backups = self.workspace.intact_backups()
        if self.hardware.workers > 1:
            return agree_on_step(self.strategy, backups)
        return max(backups, default=0)

    def _has_best_weights(self) -> bool:
        """Tell whether the best weights so far are intact, without which nothing is resumed."""
        try:
            BestWeights(self.workspace).intact_file()
        except DamagedFileError as error:
            log.warning("%s It is trained from the start", error)
            return False
        return True

    def _initial_model(self, done: int) -> keras.Model:
        """Build the model to train; a resumed one gets its weights from the backup later."""
        model = self._build(ClusterModel if self.hardware.workers > 1 else keras.Model)
        if done:
            total = self.steps * self.epochs
            log.info("resuming an interrupted training after step %d of %d", done, total)
        else:
            self._load_initial_weights(model)
        fuse_batch_normalization(model)
        return model

    def _build(self, kind: type[keras.Model] = keras.Model) -> keras.Model:
        """Build the untrained model under the current dtype policy."""
        inputs = self.request.inputs
        return build_model(
            inputs.contract, self.request.settings, rescale=inputs.settings.rescale, kind=kind
        )

    def _load_initial_weights(self, model: keras.Model) -> None:
        request = self.request
        whiten_first_layer(model, request.inputs, rescale=request.inputs.settings.rescale)
        weights = request.settings.weights
        if weights == IMAGENET or (weights is None and request.settings.is_pretrained):
            load_imagenet_weights(model, request.settings.model, request.pretrained_cache)
        elif weights is not None:
            load_base_weights(model, Path(weights))
        # Last, as the champion has learned from these classes and the base perhaps from others.
        if request.champion is not None:
            load_champion_weights(model, request.champion, request.inputs.contract.classes)

    def _callbacks(
        self, best: BestWeights, guard: TrainingGuard, backup: Backup, on_epoch: OnEpoch
    ) -> list[keras.callbacks.Callback]:
        return [
            best,
            keras.callbacks.CSVLogger(str(self.workspace.history), append=True),
            keras.callbacks.TensorBoard(str(self.workspace.tensorboard), write_graph=False),
            *user_callbacks(self.request.settings.callbacks),
            # Ends the epoch at once; the guard, after it, says why.
            keras.callbacks.TerminateOnNaN(),
            guard,
            # After all others that write: an epoch it has saved is complete in their files too.
            backup,
            # Last: when an epoch is reported, nothing of it can be lost any more.
            report_epochs(self.epochs, on_epoch),
        ]

    def _fit(
        self, model: keras.Model, phase: Phase, done: int, callbacks: list[keras.callbacks.Callback]
    ) -> None:
        """Fit the rest of a phase; the rest of a resumed epoch is a `fit` of its own."""
        inputs, replicas = self.request.inputs, self.hardware.replicas
        validation = evaluation_batches(inputs, VALIDATION, workers=replicas)
        weights = class_weights(inputs, self.request.settings)
        step = max(done, phase.first_step)
        if step % self.steps:
            # Keras creates the metrics, whose sums are in the backup, with the first batch.
            model.evaluate(validation.take(1), verbose=0)
        while step < phase.end_step and not model.stop_training:
            epoch, skipped = divmod(step, self.steps)
            # A fit has one number of steps for all its epochs, so a shorter epoch needs its own.
            end_epoch = epoch + 1 if skipped else phase.end_epoch
            model.fit(
                training_batches(
                    inputs,
                    seed=self.request.seed,
                    first_step=step,
                    class_weights=weights,
                    drop_remainder=replicas > 1,
                ),
                validation_data=validation,
                initial_epoch=epoch,
                epochs=end_epoch,
                steps_per_epoch=self.steps - skipped,
                shuffle=False,
                verbose=0,
                callbacks=callbacks,
            )
            step = end_epoch * self.steps

    def finish(self, guard: TrainingGuard) -> TrainedModel:
        """Save the best weights as a float32 model, and publish all files at once.

        Raises:
            TrainingFailedError: no epoch had a finite loss, or disk or memory ran out.
        """
        workspace, directory = self.workspace, self.request.directory
        weights = self._best_weights()
        if weights is None:
            shutil.rmtree(workspace.directory)
            raise TrainingFailedError(
                f"Training left no model to evaluate: {guard.reason}. Lower"
                " training.learning_rate, or look at the images in the report's previews."
            )
        # Flushing the files may take a minute on a busy disk.
        log.info("saving the model")
        with faults_as_messages(workspace, self.request.settings):
            # Outside dtype_policy and the strategy: mixed precision is for training only, and
            # serving should not depend on the hardware trained on.
            model = self._build()
            model.load_weights(str(weights))
            model, temperature = finish_model(model, self.request)
            record = self._record(model, guard) | {"temperature": temperature}
            with atomic_folder(directory, sealed=True) as finished:
                model.save(finished / MODEL)
                shutil.copy(workspace.history, finished / HISTORY)
                shutil.copytree(workspace.tensorboard, finished / TENSORBOARD)
                write_json(finished / RECORD, record)
        shutil.rmtree(workspace.directory)
        return TrainedModel(directory=directory, **record)

    def _best_weights(self) -> Path | None:
        """Return the file of the best weights; None if there are none.

        Raises:
            DamagedFileError: they changed since they were written; the workspace is set aside.
        """
        try:
            return BestWeights(self.workspace).intact_file()
        except DamagedFileError as error:
            set_aside(self.workspace.directory, error.problem)
            raise

    def _record(self, model: keras.Model, guard: TrainingGuard) -> dict[str, Any]:
        return {
            "epochs": len(self.workspace.epochs()),
            "planned_epochs": self.epochs,
            "best_epoch": BestWeights(self.workspace).epoch + 1,
            "steps_per_epoch": self.steps,
            "parameters": model.count_params(),
            "ended": guard.reason,
            "ended_well": guard.good,
            "seed": self.request.seed,
            "hardware": self.hardware.description,
            "is_chief": self.hardware.is_chief,
        }
