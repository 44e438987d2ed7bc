"""A Keras model goes in; the same model as a LiteRT (.tflite) file comes out.

Both kinds take uint8 images and return float32 probabilities, as the original does.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tasks.exports.frozen import freeze
from tasks.models.prediction import images_at_once

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import keras


def write_litert(model: keras.Model, file: Path, *, calibration: np.ndarray | None = None) -> None:
    """Write a model for LiteRT.

    Args:
        model: loaded.
        file: to write.
        calibration: (images, height, width, channels) uint8, which show the range of every
            activation; with them weights and activations are stored in 8 bits, without in float32.

    Raises:
        Exception: whatever the converter raises on a layer that LiteRT can't express.
    """
    # Without variables: the interpreter would answer nothing but NaN from those that are left.
    converter = tf.lite.TFLiteConverter.from_concrete_functions([freeze(model)], model)
    if calibration is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: _one_by_one(calibration)
    file.write_bytes(converter.convert())


def predict_litert(file: Path, images: np.ndarray) -> np.ndarray:
    """Return a .tflite file's outputs.

    Args:
        file: as `write_litert` wrote it.
        images: (images, height, width, channels) uint8.

    Returns:
        (images, outputs) float32.
    """
    with warnings.catch_warnings():
        # It says that the interpreter also exists as a package of its own.
        warnings.simplefilter("ignore")
        interpreter = tf.lite.Interpreter(str(file))
    source = interpreter.get_input_details()[0]["index"]
    target = interpreter.get_output_details()[0]["index"]
    size = images_at_once(images.shape[1:], on_gpu=False)
    answers = []
    for part in (images[start : start + size] for start in range(0, len(images), size)):
        interpreter.resize_tensor_input(source, part.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(source, part)
        interpreter.invoke()
        answers.append(interpreter.get_tensor(target))
    return np.concatenate(answers)


def _one_by_one(images: np.ndarray) -> Iterator[list[Any]]:
    for image in images:
        yield [image[None]]
