"""Muon for convolutions: Keras' own leaves kernels of maps to AdamW."""

from __future__ import annotations

from typing import Any

import keras

MAP_KERNEL_RANK = 3


@keras.saving.register_keras_serializable(package="pixelgate")
class ConvMuon(keras.optimizers.Muon):
    """Keras' Muon, which moves kernels of convolutions along orthogonal directions too.

    A kernel is taken as the matrix (height * width * inputs, outputs), as Muon's author does
    (Jordan et al., Muon: an optimizer for hidden layers, 2024). Everything else moves
    as in Keras: dense kernels by Muon, but for the layers that `exclude_layers` names; the rest by
    AdamW.
    """

    def update_step(self, gradient: Any, variable: keras.Variable, learning_rate: Any) -> None:
        """Move one variable; called by Keras."""
        if len(variable.shape) < MAP_KERNEL_RANK:
            super().update_step(gradient, variable, learning_rate)
            return
        momentum = self.momentums[self._get_variable_index(variable)]
        self.assign(momentum, momentum * self.momentum + gradient)
        direction = gradient + self.momentum * momentum if self.nesterov else momentum
        matrix = keras.ops.reshape(direction, (-1, variable.shape[-1]))
        update = self.zeropower_via_newtonschulz5(matrix, self.ns_steps)
        moved = self.lr_adjust(keras.ops.cast(learning_rate, variable.dtype) * update)
        self.assign_sub(variable, keras.ops.reshape(moved, variable.shape))
