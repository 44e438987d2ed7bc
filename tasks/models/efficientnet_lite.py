"""An input shape goes in; EfficientNet-Lite0 without its last layer comes out, in Keras.

Its structure, and where its ImageNet weights come from: `tasks.embedding.lite_structure`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
from keras import layers

from tasks.embedding.lite_structure import EPSILON, HEAD, MOMENTUM, STEM, STEM_STRIDE, blocks

if TYPE_CHECKING:
    from tasks.embedding.lite_structure import Block, Weights

NAME = "EfficientNetLite0"


def efficientnet_lite0(shape: tuple[int | None, int | None, int]) -> keras.Model:
    """Build the network without weights.

    Args:
        shape: of the input: (height, width, 3); None for any height or width.

    Returns:
        A model from (batch, height, width, 3) float32, scaled as MEAN and DEVIATION say, to (batch,
        1280) float32: the mean of the last map.
    """
    images = keras.Input(shape, name="scaled_images")
    features = layers.Conv2D(
        STEM, 3, strides=STEM_STRIDE, padding="same", use_bias=False, name="stem_convolution"
    )(images)
    features = _normalised(features, "stem")
    for number, block in enumerate(blocks()):
        features = _add_block(features, block, f"block{number}")
    features = layers.Conv2D(HEAD, 1, use_bias=False, name="last_convolution")(features)
    features = _normalised(features, "last")
    return keras.Model(images, layers.GlobalAveragePooling2D(name="mean")(features), name=NAME)


def set_lite_weights(model: keras.Model, weights: Weights) -> None:
    """Set all weights of a network.

    Args:
        model: as `efficientnet_lite0` returns it; changed in place.
        weights: by the names of its layers.

    Raises:
        KeyError: those of a layer are missing.
        ValueError: they have another shape.
    """
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(weights(layer.name))


def lite_weights(model: keras.Model) -> Weights:
    """Return the weights of a network, by the names of its layers."""
    return lambda layer: model.get_layer(layer).get_weights()


def _add_block(inputs: keras.KerasTensor, block: Block, name: str) -> keras.KerasTensor:
    features = inputs
    if block.expansion > 1:
        features = layers.Conv2D(
            inputs.shape[-1] * block.expansion, 1, use_bias=False, name=f"{name}_expand"
        )(features)
        features = _normalised(features, f"{name}_expand")
    features = layers.DepthwiseConv2D(
        block.kernel, strides=block.stride, padding="same", use_bias=False, name=f"{name}_depthwise"
    )(features)
    features = _normalised(features, f"{name}_depthwise")
    features = layers.Conv2D(block.filters, 1, use_bias=False, name=f"{name}_project")(features)
    features = _normalised(features, f"{name}_project", activate=False)
    return layers.Add(name=f"{name}_add")([features, inputs]) if block.residual else features


def _normalised(
    features: keras.KerasTensor, name: str, *, activate: bool = True
) -> keras.KerasTensor:
    features = layers.BatchNormalization(
        momentum=MOMENTUM, epsilon=EPSILON, name=f"{name}_normalisation"
    )(features)
    return layers.ReLU(6.0, name=f"{name}_relu6")(features) if activate else features
