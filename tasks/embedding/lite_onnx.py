"""The weights of EfficientNet-Lite0 go in; the network as an ONNX model comes out.

Written layer by layer instead of by a converter, which keeps the network's own order: each batch
normalisation becomes part of the convolution before it, and the scaling of pixels part of the
graph. ONNX Runtime computes it two to four times as fast as TensorFlow's graph:
benchmarks/results/photos.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.embedding.lite_structure import DEVIATION, EPSILON, MEAN, STEM_STRIDE, blocks

if TYPE_CHECKING:
    from tasks.embedding.lite_structure import Weights

IMAGES, FEATURES = "images", "features"
# Both are older than the oldest ONNX Runtime that pyproject.toml allows.
OPSET, IR_VERSION = 17, 9
LARGEST = 6.0


def to_onnx(weights: Weights) -> bytes:
    """Export a network.

    Args:
        weights: by the names of its layers, as `checkpoint_weights` returns them.

    Returns:
        An ONNX model from `images`, (batch, height, width, 3) uint8 of any size, to `features`,
        (batch, 1280) float32.
    """
    graph = _Graph(weights)
    features = graph.scaled(IMAGES)
    features = graph.convolution(features, "stem_convolution", "stem", stride=STEM_STRIDE)
    for number, block in enumerate(blocks()):
        name, inputs = f"block{number}", features
        if block.expansion > 1:
            features = graph.convolution(features, f"{name}_expand", f"{name}_expand")
        features = graph.convolution(
            features, f"{name}_depthwise", f"{name}_depthwise", stride=block.stride
        )
        features = graph.convolution(features, f"{name}_project", f"{name}_project", relu=False)
        if block.residual:
            features = graph.node("Add", [features, inputs])
    features = graph.convolution(features, "last_convolution", "last")
    graph.node("Flatten", [graph.node("GlobalAveragePool", [features])], output=FEATURES)
    return graph.serialized()


@dataclass
class _Graph:
    """Nodes and constants in the order of computation; nodes are named by their number."""

    weights: Weights
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def node(self, kind: str, inputs: list[str], *, output: str = "", **options: Any) -> str:
        """Append a node and return the name of its output."""
        from onnx import helper

        output = output or f"{kind}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **options))
        return output

    def constant(self, values: Any) -> str:
        """Append a float32 constant and return its name."""
        from onnx import numpy_helper

        name = f"constant{len(self.constants)}"
        array = np.ascontiguousarray(values, "float32")
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def scaled(self, images: str) -> str:
        """Append what turns (batch, height, width, 3) uint8 into the network's own input."""
        from onnx import TensorProto

        channels_first = self.node("Transpose", [images], perm=[0, 3, 1, 2])
        numbers = self.node("Cast", [channels_first], to=TensorProto.FLOAT)
        centred = self.node("Sub", [numbers, self.constant(np.float32(MEAN))])
        return self.node("Mul", [centred, self.constant(np.float32(1 / DEVIATION))])

    def convolution(
        self, inputs: str, layer: str, block: str, *, stride: int = 1, relu: bool = True
    ) -> str:
        """Append a convolution with the batch normalisation, and the ReLU6, that follow it."""
        (kernel,) = self.weights(layer)
        gamma, beta, mean, variance = self.weights(f"{block}_normalisation")
        scale = gamma / np.sqrt(variance + EPSILON)
        depthwise = layer.endswith("_depthwise")
        # From (height, width, inputs, outputs), or (height, width, channels, 1) if depthwise.
        filters = kernel.transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1))
        output = self.node(
            "Conv",
            [
                inputs,
                self.constant(filters * scale[:, None, None, None]),
                self.constant(beta - mean * scale),
            ],
            auto_pad="SAME_UPPER",
            kernel_shape=list(kernel.shape[:2]),
            strides=[stride, stride],
            group=len(filters) if depthwise else 1,
        )
        if not relu:
            return output
        return self.node("Clip", [output, self.constant(0.0), self.constant(LARGEST)])

    def serialized(self) -> bytes:
        """Return the whole model as the bytes of an ONNX file."""
        from onnx import TensorProto, helper

        images = helper.make_tensor_value_info(
            IMAGES, TensorProto.UINT8, ["batch", "height", "width", 3]
        )
        features = helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT, ["batch", None])
        graph = helper.make_graph(self.nodes, "lite0", [images], [features], self.constants)
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
        return bytes(model.SerializeToString())
