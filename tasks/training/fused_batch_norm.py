"""A model goes in; each batch normalisation of it becomes one operation during training.

Keras 3 normalises a batch with a dozen operations in float32, each of which passes over the whole
feature map; on a CPU that is a fifth of a step of fast_cnn. TensorFlow's fused kernel does the same
in one, in the map's own precision with statistics in float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from tasks.models.architectures import leaf_layers

MAP_RANK = 4


def fuse_batch_normalization(model: keras.Model) -> None:
    """Let every batch normalisation of feature maps use the fused kernel in its training steps.

    Layers, weights and files stay those of Keras. Inference, and what the kernel can't do (another
    axis, no scale or centre, statistics over all replicas), stay with Keras' own code.

    Args:
        model: changed in place; should not have been called in training yet.
    """
    for layer in leaf_layers(model):
        if type(layer) is keras.layers.BatchNormalization and _is_fusible(layer):
            # On the instance, so that its class, and with it every saved file, stays Keras' own.
            vars(layer)["call"] = _FusedCall(layer)


def _is_fusible(layer: keras.layers.BatchNormalization) -> bool:
    # The rank is known once the layer is built.
    rank = getattr(layer.input_spec, "ndim", None)
    plain = layer.scale and layer.center and not layer.synchronized
    renormalised = getattr(layer, "renorm", False)
    return bool(
        rank == MAP_RANK and layer.axis in (-1, MAP_RANK - 1) and plain and not renormalised
    )


@dataclass(frozen=True)
class _FusedCall:
    """Replaces the `call` of one layer."""

    layer: keras.layers.BatchNormalization

    def __call__(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:  # noqa: FBT001 - Keras' signature
        layer = self.layer
        if not training or not layer.trainable or mask is not None:
            return type(layer).call(layer, inputs, training=training, mask=mask)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=tf.convert_to_tensor(layer.gamma),
            offset=tf.convert_to_tensor(layer.beta),
            mean=tf.zeros(0),
            variance=tf.zeros(0),
            epsilon=layer.epsilon,
            is_training=True,
        )
        # The kernel returns the unbiased variance, Keras keeps the biased one.
        count = tf.cast(tf.size(inputs) // tf.shape(inputs)[-1], tf.float32)
        variance *= (count - 1) / count
        for moving, batch in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
            moving.assign(moving * layer.momentum + batch * (1 - layer.momentum))
        return outputs
