"""A Keras model goes in; the same model as an ONNX file comes out (tf2onnx)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import tf2onnx

from tasks.exports.frozen import freeze
from tasks.exports.onnx_session import CONTRACT, IMAGES, PROBABILITIES

if TYPE_CHECKING:
    from pathlib import Path

    import keras

    from tasks.models.contract import InputContract

# Of 2022: every runtime that is still maintained has it.
OPSET = 17


def write_onnx(model: keras.Model, contract: InputContract, file: Path) -> None:
    """Write a model as ONNX, from (batch, height, width, channels) uint8 to probabilities.

    Args:
        model: loaded.
        contract: kept in the file's metadata.
        file: to write.

    Raises:
        Exception: whatever the converter raises on a layer that ONNX can't express.
    """
    frozen = freeze(model)
    source, target = frozen.inputs[0].name, frozen.outputs[0].name
    proto, _ = tf2onnx.convert.from_graph_def(
        frozen.graph.as_graph_def(),
        input_names=[source],
        output_names=[target],
        opset=OPSET,
        custom_op_handlers={"Erfc": (_erfc, [])},
        tensors_to_rename={source: IMAGES, target: PROBABILITIES},
    )
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.helper.set_model_props(proto, {CONTRACT: json.dumps(contract.as_dict())})
    onnx.save(proto, str(file))


def _erfc(graph: Any, node: Any, _name: str, _arguments: Any) -> Any:
    """Replace Erfc, which ONNX doesn't have, by 1 - Erf: the exact GELU consists of it."""
    node.type = "Erf"
    output = node.output[0]
    dtype = tf2onnx.utils.map_onnx_to_numpy_type(graph.get_dtype(output))
    one = graph.make_const(f"{node.name}_one", np.array(1, dtype))
    difference = graph.insert_new_node_on_output("Sub", output, name=f"{node.name}_complement")
    graph.replace_inputs(difference, [one.output[0], output])
    return difference
