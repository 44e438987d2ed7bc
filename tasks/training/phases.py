"""A model and settings go in; the same model, compiled for its next epochs, comes out.

A phase is a number of epochs in which the same layers learn under one schedule. Most trainings have
one; on a frozen base there are two, as a new head would spoil pretrained weights with its first,
large gradients.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras

from tasks.embedding.lite_structure import block_of
from tasks.models.architectures import HEAD, WHITENING, leaf_layers
from tasks.runtime.pretrained_weights import PRETRAINED
from tasks.training.optimizers import build_optimizer

if TYPE_CHECKING:
    from tasks.config.training import TrainingConfig
    from tasks.models.contract import InputContract
    from tasks.training.hardware import Hardware

FINE_TUNING = 0.1
DEFAULT_STEPS = 4_000
FEWEST_EPOCHS, MOST_EPOCHS = 8, 60
# After the last layer of a pretrained network was fitted, and only in a limited time.
FINE_TUNING_EPOCHS = 10
# Of the pretrained network: the blocks before it keep their weights when it is fine-tuned.
FIRST_TUNED_BLOCK = 11


@dataclass(frozen=True)
class Phase:
    """Epochs in which the same layers learn under one schedule.

    Attributes:
        first_epoch: from 0.
        end_epoch: the one after the last.
        steps_per_epoch: batches per epoch.
        learning_rate: the highest one of the schedule.
        base: learning (all layers learn), features (only the last one is fitted, on the features
            of all others), frozen (only the last one learns) or fine_tuned (all layers learn, of
            the pretrained network the last blocks; batch normalisation keeps its statistics).
    """

    first_epoch: int
    end_epoch: int
    steps_per_epoch: int
    learning_rate: float
    base: str

    @property
    def first_step(self) -> int:
        """Steps of the whole training before this phase."""
        return self.first_epoch * self.steps_per_epoch

    @property
    def end_step(self) -> int:
        """Steps of the whole training up to the end of this phase."""
        return self.end_epoch * self.steps_per_epoch


def default_epochs(steps: int) -> int:
    """Return as many epochs as give about 4,000 steps, at least 8 and at most 60."""
    return min(MOST_EPOCHS, max(FEWEST_EPOCHS, math.ceil(DEFAULT_STEPS / steps)))


def plan_epochs(settings: TrainingConfig, steps: int) -> int:
    """Return the number of epochs: as set, or as suits the model and the steps of an epoch."""
    if settings.epochs is not None:
        return settings.epochs
    if settings.fits_features:
        return 1 + (FINE_TUNING_EPOCHS if settings.max_minutes else 0)
    return default_epochs(steps)


def plan_phases(
    settings: TrainingConfig, *, epochs: int, steps_per_epoch: int
) -> tuple[Phase, ...]:
    """Split a training into its phases: one, or a frozen base and then fine-tuning."""
    frozen = 1 if settings.fits_features else min(settings.frozen_epochs, epochs)
    if not frozen:
        return (Phase(0, epochs, steps_per_epoch, settings.learning_rate, "learning"),)
    lower = settings.fine_tune_learning_rate or settings.learning_rate * FINE_TUNING
    base = "features" if settings.fits_features else "frozen"
    phases = (
        Phase(0, frozen, steps_per_epoch, settings.learning_rate, base),
        Phase(frozen, epochs, steps_per_epoch, lower, "fine_tuned"),
    )
    return tuple(phase for phase in phases if phase.end_epoch > phase.first_epoch)


def prepare_phase(
    model: keras.Model,
    phase: Phase,
    contract: InputContract,
    settings: TrainingConfig,
    hardware: Hardware,
) -> None:
    """Freeze the layers that the phase freezes, and compile with a new optimizer.

    Args:
        model: changed in place, as Keras does.
        phase: its length, learning rate and base.
        contract: its class mode decides the loss.
        settings: optimizer, schedule, label smoothing.
        hardware: XLA and steps per execution.

    Raises:
        SettingsError: Keras knows no such optimizer.
    """
    _freeze(model, phase.base)
    losses: dict[str, Any] = {
        "categorical": keras.losses.CategoricalCrossentropy(
            label_smoothing=settings.label_smoothing
        ),
        "sparse": keras.losses.SparseCategoricalCrossentropy(),
        "binary": keras.losses.BinaryCrossentropy(),
    }
    model.compile(
        optimizer=build_optimizer(
            settings,
            learning_rate=phase.learning_rate,
            steps=phase.end_step - phase.first_step,
        ),
        loss=losses[contract.class_mode],
        metrics=["accuracy"],
        jit_compile=hardware.jit_compile,
        steps_per_execution=hardware.steps_per_execution,
    )


def _freeze(model: keras.Model, base: str) -> None:
    for layer in model.layers:
        learns = base not in ("frozen", "features") or layer.name == HEAD
        layer.trainable = learns and layer.name != WHITENING
    if base == "fine_tuned":
        # A few small batches would spoil the statistics that the base was trained with.
        for layer in leaf_layers(model):
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False
        for network in model.layers:
            if network.name == PRETRAINED:
                for layer in network.layers:
                    if block_of(layer.name) < FIRST_TUNED_BLOCK:
                        layer.trainable = False
