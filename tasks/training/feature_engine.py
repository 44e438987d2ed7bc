"""A frozen network goes in; a function from images to features, as fast as this machine allows."""

from __future__ import annotations

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tasks.models.efficientnet_lite import DEVIATION, MEAN
from tasks.models.lite_onnx import FEATURES, IMAGES, to_onnx
from tasks.runtime.pretrained_weights import has_engine

if TYPE_CHECKING:
    from collections.abc import Callable

    import keras

    Engine = Callable[[np.ndarray], np.ndarray]

# Images in one call. One alone keeps its maps in the cache of a core, which is as fast as any
# (benchmarks/results/photos.md), and has the same bits whatever images come with it.
BATCH, GRAPH_BATCH = 1, 32

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
        return "onnxruntime", _runtime(to_onnx(base))
    log.info("onnx and onnxruntime are not installed; TensorFlow computes features more slowly")
    return "tensorflow", _graph(base)


def _runtime(model: bytes) -> Engine:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One session a core scales better than one session on all cores, and gives the same bits
    # whatever the number of cores.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    sessions = [
        onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        for _ in range(cores or 1)
    ]

    def compute(images: np.ndarray) -> np.ndarray:
        idle = list(sessions)

        def part(start: int) -> Any:
            # One thread a session, so that there is always an idle one.
            session = idle.pop()
            try:
                return session.run([FEATURES], {IMAGES: images[start : start + BATCH]})[0]
            finally:
                idle.append(session)

        with ThreadPoolExecutor(len(sessions)) as threads:
            return np.concatenate([*threads.map(part, range(0, len(images), BATCH))])

    return compute


def _graph(base: keras.Model) -> Engine:
    def scaled(images: tf.Tensor) -> tf.Tensor:
        return base((tf.cast(images, tf.float32) - MEAN) / DEVIATION, training=False)

    features = tf.function(scaled, reduce_retracing=True)

    def compute(images: np.ndarray) -> np.ndarray:
        parts = range(0, len(images), GRAPH_BATCH)
        return np.concatenate([features(images[n : n + GRAPH_BATCH]).numpy() for n in parts])

    return compute
