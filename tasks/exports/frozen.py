"""A Keras model goes in; its inference as one function comes out, which every converter takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

if TYPE_CHECKING:
    import keras


def freeze(model: keras.Model) -> Any:
    """Return a model's inference as one concrete function without variables."""
    spec = tf.TensorSpec((None, *model.input_shape[1:]), "uint8", name="images")
    # Said explicitly: the augmentation layers of Keras are active unless they are told otherwise,
    # which is why `model.export(format="onnx")` fails on them.
    traced = tf.function(lambda images: model(images, training=False), autograph=False)
    # Nothing is lowered, or a recurrent layer would become a loop that no converter understands.
    return convert_variables_to_constants_v2(
        traced.get_concrete_function(spec), lower_control_flow=False, aggressive_inlining=True
    )
