"""A model and settings go in; what it minimises, how, and which of its layers learn is set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras

from tasks.errors import SettingsError
from tasks.models.architectures import HEAD, WHITENING
from tasks.training.optimizers import ConvMuon

if TYPE_CHECKING:
    from tasks.config.training import TrainingConfig
    from tasks.models.contract import InputContract
    from tasks.training.hardware import Hardware

WARM_UP = 0.2
FINE_TUNING = 0.1


@dataclass(frozen=True)
class Phase:
    """Epochs in which the same layers learn under one schedule.

    Attributes:
        first_epoch: from 0.
        last_epoch: the one after the last.
        learning_rate: the highest one.
        base: learning (as ever), frozen (only the last layer learns) or fine_tuned (all but the
            statistics of batch normalisation learn).
    """

    first_epoch: int
    last_epoch: int
    learning_rate: float
    base: str


def plan_phases(settings: TrainingConfig, *, epochs: int) -> tuple[Phase, ...]:
    """Split a training into its phases: one, or a frozen base and then fine-tuning."""
    frozen = min(settings.frozen_epochs, epochs)
    if not frozen:
        return (Phase(0, epochs, settings.learning_rate, "learning"),)
    lower = settings.fine_tune_learning_rate or settings.learning_rate * FINE_TUNING
    phases = (
        Phase(0, frozen, settings.learning_rate, "frozen"),
        Phase(frozen, epochs, lower, "fine_tuned"),
    )
    return tuple(phase for phase in phases if phase.last_epoch > phase.first_epoch)


def prepare_phase(  # noqa: PLR0913 - what a compiled model follows from
    model: keras.Model,
    phase: Phase,
    contract: InputContract,
    settings: TrainingConfig,
    hardware: Hardware,
    *,
    steps: int,
) -> None:
    """Freeze what the phase freezes, and compile with a new optimizer.

    Args:
        model: changed in place, as Keras does.
        phase: its epochs, learning rate and base.
        contract: its class mode decides the loss.
        settings: optimizer, schedule, label smoothing.
        hardware: XLA and steps per execution.
        steps: of an epoch; the schedule ends with the phase.

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
        optimizer=_optimizer(settings, phase, steps * (phase.last_epoch - phase.first_epoch)),
        loss=losses[contract.class_mode],
        metrics=["accuracy"],
        jit_compile=hardware.jit_compile,
        steps_per_execution=hardware.steps_per_execution,
    )


def _freeze(model: keras.Model, base: str) -> None:
    for layer in model.layers:
        learns = base != "frozen" or layer.name == HEAD
        layer.trainable = learns and layer.name != WHITENING
    if base == "fine_tuned":
        # A few small batches would spoil the statistics that the base was trained with.
        for layer in leaf_layers(model):
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False


def leaf_layers(model: keras.Model) -> list[keras.Layer]:
    """Return the layers of a model and of the models inside it, in their order."""
    leaves: list[keras.Layer] = []
    for layer in model.layers:
        leaves.extend(leaf_layers(layer) if isinstance(layer, keras.Model) else [layer])
    return leaves


def _optimizer(settings: TrainingConfig, phase: Phase, steps: int) -> keras.optimizers.Optimizer:
    rate: Any = phase.learning_rate
    if settings.learning_rate_schedule == "cosine":
        warm_up = max(1, round(steps * WARM_UP))
        rate = keras.optimizers.schedules.CosineDecay(
            rate / 20, max(1, steps - warm_up), warmup_target=rate, warmup_steps=warm_up
        )
    wanted = {"learning_rate": rate}
    try:
        optimizer = _named(settings.optimizer)
        plain = optimizer.get_config()
        if settings.weight_decay:
            decays = {"weight_decay", "adam_weight_decay"} & plain.keys()
            wanted |= dict.fromkeys(decays, settings.weight_decay)
        if "momentum" in plain:
            wanted |= {"momentum": settings.momentum}
        if "nesterov" in plain:
            wanted |= {"nesterov": settings.momentum > 0}
        return type(optimizer).from_config(plain | wanted)
    except (ValueError, TypeError):
        raise SettingsError(
            "training.optimizer must be the name of a Keras optimizer such as adam, sgd or adamw."
            f" Received: {settings.optimizer}"
        ) from None


def _named(optimizer: str) -> keras.optimizers.Optimizer:
    if optimizer.lower() == "muon":
        # Half of Muon's rate suits what AdamW moves beside it: measured, docs/decisions/0007.
        return ConvMuon(exclude_layers=[HEAD], adam_lr_ratio=0.5)
    return keras.optimizers.get(optimizer)
