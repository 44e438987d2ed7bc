"""An input shape goes in; EfficientNet-Lite0 without its last layer comes out, in Keras.

EfficientNet for processors without much arithmetic: no squeeze-and-excitation, ReLU6, and a first
and a last convolution that don't grow with the network (Tan and Le, EfficientNet, 2019; the lite
ones: tensorflow/tpu, models/official/efficientnet/lite). The weights of the network trained on
ImageNet come from `torch_checkpoint.read_checkpoint`; padding, order and names follow the
implementation that they were saved from, the package efficientnet-lite-pytorch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras
from keras import layers

if TYPE_CHECKING:
    import numpy as np

NAME = "EfficientNetLite0"
# Pixel values in [0, 255] become (value - MEAN) / DEVIATION.
MEAN, DEVIATION = 127.0, 128.0
EPSILON, MOMENTUM = 1e-3, 0.99
STEM, HEAD = 32, 1280
# Kernel, stride, expansion and filters of each stage's blocks, and how many there are.
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
BLOCKS = sum(stage[-1] for stage in STAGES)


@dataclass(frozen=True)
class Block:
    """One block: its kernel, stride, expansion, filters, and whether its input is added."""

    kernel: int
    stride: int
    expansion: int
    filters: int
    residual: bool


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
        STEM, 3, strides=2, padding="same", use_bias=False, name="stem_convolution"
    )(images)
    features = _normalised(features, "stem")
    for number, block in enumerate(blocks()):
        features = _add_block(features, block, f"block{number}")
    features = layers.Conv2D(HEAD, 1, use_bias=False, name="last_convolution")(features)
    features = _normalised(features, "last")
    return keras.Model(images, layers.GlobalAveragePooling2D(name="mean")(features), name=NAME)


def load_checkpoint(model: keras.Model, tensors: dict[str, np.ndarray]) -> None:
    """Set all weights from the tensors of a checkpoint.

    Args:
        model: as `efficientnet_lite0` returns it; changed in place.
        tensors: by the names of efficientnet-lite-pytorch; its last layer, for ImageNet's classes,
            is not used.

    Raises:
        KeyError: a tensor is missing.
        ValueError: one has another shape.
    """
    for layer in model.layers:
        if not layer.weights:
            continue
        name = _name_in_checkpoint(layer.name)
        if isinstance(layer, layers.BatchNormalization):
            parts = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([tensors[f"{name}.{part}"] for part in parts])
        else:
            # (outputs, inputs, height, width) there; depthwise (channels, 1, height, width).
            depthwise = isinstance(layer, layers.DepthwiseConv2D)
            axes = (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)
            layer.set_weights([tensors[f"{name}.weight"].transpose(axes)])


def block_of(layer: str) -> int:
    """Return the number of a layer's block: -1 before the first one, BLOCKS after the last one."""
    prefix = layer.partition("_")[0]
    if prefix.startswith("block"):
        return int(prefix.removeprefix("block"))
    return -1 if prefix in ("stem", "scaled") else BLOCKS


def blocks() -> list[Block]:
    """Return the blocks in their order."""
    return [
        Block(kernel, 1 if number else stride, expansion, filters, residual=number > 0)
        for kernel, stride, expansion, filters, repeats in STAGES
        for number in range(repeats)
    ]


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


def _name_in_checkpoint(layer: str) -> str:
    """Return the name of a layer's parameters: blocks count their normalisations as they go."""
    outer = {
        "stem_convolution": "_conv_stem",
        "stem_normalisation": "_bn0",
        "last_convolution": "_conv_head",
        "last_normalisation": "_bn1",
    }
    if layer in outer:
        return outer[layer]
    block, part = layer.removeprefix("block").split("_", 1)
    inner = {
        "expand": "_expand_conv",
        "expand_normalisation": "_bn0",
        "depthwise": "_depthwise_conv",
        "depthwise_normalisation": "_bn1",
        "project": "_project_conv",
        "project_normalisation": "_bn2",
    }
    return f"_blocks.{block}.{inner[part]}"
