"""The training settings go in; a Keras optimizer with its learning-rate schedule comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from tasks.errors import SettingsError
from tasks.models.architectures import HEAD

if TYPE_CHECKING:
    from tasks.config.training import TrainingConfig

# Share of a schedule's steps in which the learning rate rises, and how far below it starts.
WARM_UP, WARM_UP_DIVISOR = 0.2, 20
# Conv2D kernels have four dimensions, Conv1D kernels three; everything else has two at most.
CONVOLUTION_RANK = 3


def build_optimizer(
    settings: TrainingConfig, *, learning_rate: float, steps: int
) -> keras.optimizers.Optimizer:
    """Build a new optimizer.

    Args:
        settings: optimizer, learning_rate_schedule, momentum and weight_decay.
        learning_rate: the highest one of the schedule.
        steps: length of the schedule.

    Raises:
        SettingsError: Keras knows no such optimizer.
    """
    options: dict[str, Any] = {"learning_rate": _schedule(settings, learning_rate, steps)}
    try:
        optimizer = _optimizer_by_name(settings.optimizer)
        # Each optimizer has its own options; momentum, say, is passed only to those that know it.
        defaults = optimizer.get_config()
        if settings.weight_decay:
            decays = {"weight_decay", "adam_weight_decay"} & defaults.keys()
            options |= dict.fromkeys(decays, settings.weight_decay)
        if "momentum" in defaults:
            options |= {"momentum": settings.momentum}
        if "nesterov" in defaults:
            options |= {"nesterov": settings.momentum > 0}
        return type(optimizer).from_config(defaults | options)
    except (ValueError, TypeError):
        raise SettingsError(
            "training.optimizer must be the name of a Keras optimizer such as adam, sgd or adamw."
            f" Received: {settings.optimizer}"
        ) from None


def _schedule(settings: TrainingConfig, highest: float, steps: int) -> Any:
    if settings.learning_rate_schedule != "cosine":
        return highest
    warm_up = max(1, round(steps * WARM_UP))
    return keras.optimizers.schedules.CosineDecay(
        highest / WARM_UP_DIVISOR,
        max(1, steps - warm_up),
        warmup_target=highest,
        warmup_steps=warm_up,
    )


def _optimizer_by_name(name: str) -> keras.optimizers.Optimizer:
    if name.lower() == "muon":
        # Half of Muon's rate suits the variables that it leaves to AdamW: docs/decisions/0007.
        return ConvMuon(exclude_layers=[HEAD], adam_lr_ratio=0.5)
    return keras.optimizers.get(name)


@keras.saving.register_keras_serializable(package="pixelgate")
class ConvMuon(keras.optimizers.Muon):
    """Muon for convolutions: Keras' own leaves their kernels to AdamW.

    A kernel is taken as the matrix (height * width * inputs, outputs), as Muon's author does
    (Jordan et al., Muon: an optimizer for hidden layers, 2024), and moves along orthogonal
    directions. Everything else moves as in Keras: dense kernels by Muon, but for the layers that
    `exclude_layers` names; the rest by AdamW.
    """

    def update_step(self, gradient: Any, variable: keras.Variable, learning_rate: Any) -> None:
        """Move one variable; called by Keras."""
        if len(variable.shape) < CONVOLUTION_RANK:
            super().update_step(gradient, variable, learning_rate)
            return
        momentum = self.momentums[self._get_variable_index(variable)]
        self.assign(momentum, momentum * self.momentum + gradient)
        direction = gradient + self.momentum * momentum if self.nesterov else momentum
        matrix = keras.ops.reshape(direction, (-1, variable.shape[-1]))
        update = self.zeropower_via_newtonschulz5(matrix, self.ns_steps)
        moved = self.lr_adjust(keras.ops.cast(learning_rate, variable.dtype) * update)
        self.assign_sub(variable, keras.ops.reshape(moved, variable.shape))
