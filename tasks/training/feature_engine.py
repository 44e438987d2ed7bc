"""A frozen network goes in; a function from images to features, as fast as this machine allows."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tasks.embedding.lite_onnx import to_onnx
from tasks.embedding.lite_structure import DEVIATION, MEAN
from tasks.embedding.onnx_engine import open_on_all_cores
from tasks.models.efficientnet_lite import lite_weights
from tasks.runtime.pretrained_weights import has_engine

if TYPE_CHECKING:
    import keras

    from tasks.embedding.onnx_engine import Engine

GRAPH_BATCH = 32

log = logging.getLogger("pixelgate.training")


def open_engine(base: keras.Model) -> tuple[str, Engine]:
    """Open the fastest engine for a network: ONNX Runtime, or TensorFlow where it is missing.

    Args:
        base: as `efficientnet_lite0` returns it, with any weights.

    Returns:
        Its name, and a function from (images, height, width, 3) uint8 to (images, 1280) float32.
        With ONNX Runtime, the features of an image don't depend on the images beside it.
    """
    if tf.config.list_physical_devices("GPU"):
        return "tensorflow", _graph(base)
    if has_engine():
        return "onnxruntime", open_on_all_cores(to_onnx(lite_weights(base)))
    log.info("onnx and onnxruntime are not installed; TensorFlow computes features more slowly")
    return "tensorflow", _graph(base)


def _graph(base: keras.Model) -> Engine:
    def scaled(images: tf.Tensor) -> tf.Tensor:
        return base((tf.cast(images, tf.float32) - MEAN) / DEVIATION, training=False)

    features = tf.function(scaled, reduce_retracing=True)

    def compute(images: np.ndarray) -> np.ndarray:
        parts = range(0, len(images), GRAPH_BATCH)
        return np.concatenate([features(images[n : n + GRAPH_BATCH]).numpy() for n in parts])

    return compute
