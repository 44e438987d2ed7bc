"""The structure of EfficientNet-Lite0, and the weights of each of its layers in a checkpoint.

EfficientNet for processors without much arithmetic: no squeeze-and-excitation, ReLU6, and a first
and a last convolution that don't grow with the network (Tan and Le, EfficientNet, 2019; the lite
ones: tensorflow/tpu, models/official/efficientnet/lite). Padding, order and names follow the
implementation that the weights were saved from, the package efficientnet-lite-pytorch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    # From the name of a layer to its weights, in the order and the layout of Keras.
    Weights = Callable[[str], list[np.ndarray]]

# Pixel values in [0, 255] become (value - MEAN) / DEVIATION.
MEAN, DEVIATION = 127.0, 128.0
EPSILON, MOMENTUM = 1e-3, 0.99
STEM, HEAD, STEM_STRIDE = 32, 1280, 2
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
NORMALISATION = "_normalisation"
OUTER_NAMES = {
    "stem_convolution": "_conv_stem",
    "stem_normalisation": "_bn0",
    "last_convolution": "_conv_head",
    "last_normalisation": "_bn1",
}
# Blocks count their normalisations as they go.
INNER_NAMES = {
    "expand": "_expand_conv",
    "expand_normalisation": "_bn0",
    "depthwise": "_depthwise_conv",
    "depthwise_normalisation": "_bn1",
    "project": "_project_conv",
    "project_normalisation": "_bn2",
}


@dataclass(frozen=True)
class Block:
    """One block: its kernel, stride, expansion, filters, and whether its input is added."""

    kernel: int
    stride: int
    expansion: int
    filters: int
    residual: bool


def blocks() -> list[Block]:
    """Return the blocks in their order."""
    return [
        Block(kernel, 1 if number else stride, expansion, filters, residual=number > 0)
        for kernel, stride, expansion, filters, repeats in STAGES
        for number in range(repeats)
    ]


def block_of(layer: str) -> int:
    """Return the number of a layer's block: -1 before the first one, BLOCKS after the last one."""
    prefix = layer.partition("_")[0]
    if prefix.startswith("block"):
        return int(prefix.removeprefix("block"))
    return -1 if prefix in ("stem", "scaled") else BLOCKS


def checkpoint_weights(tensors: dict[str, np.ndarray]) -> Weights:
    """Return the weights of a checkpoint, by the names of our layers.

    Args:
        tensors: by the names of efficientnet-lite-pytorch; its last layer, for ImageNet's classes,
            is not used.

    Returns:
        A function from a layer's name to its weights: the kernel of a convolution, (height, width,
        inputs, outputs), or (height, width, channels, 1) if depthwise; gamma, beta, mean and
        variance of a normalisation. It raises KeyError where the checkpoint has no such tensor.
    """

    def weights(layer: str) -> list[np.ndarray]:
        name = _name_in_checkpoint(layer)
        if layer.endswith(NORMALISATION):
            parts = ("weight", "bias", "running_mean", "running_var")
            return [tensors[f"{name}.{part}"] for part in parts]
        # (outputs, inputs, height, width) there; depthwise (channels, 1, height, width).
        depthwise = layer.endswith("_depthwise")
        return [tensors[f"{name}.weight"].transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))]

    return weights


def _name_in_checkpoint(layer: str) -> str:
    if layer in OUTER_NAMES:
        return OUTER_NAMES[layer]
    block, part = layer.removeprefix("block").split("_", 1)
    return f"_blocks.{block}.{INNER_NAMES[part]}"
