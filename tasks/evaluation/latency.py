"""A model goes in; how long it takes for one image comes out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    import keras

    from tasks.models.contract import InputContract

ROUNDS = 20


def measure_latency(network: keras.Model, contract: InputContract) -> float:
    """Return the shortest time in which a model classified one image, seconds.

    The shortest of several, as whatever else a machine does only ever adds to it.
    """
    call = tf.function(lambda images: network(images, training=False))
    image = tf.constant(np.zeros((1, *contract.shape), np.uint8))
    # The first call traces the graph.
    call(image)
    return min(_timed(call, image) for _ in range(ROUNDS))


def _timed(call: tf.types.experimental.PolymorphicFunction, image: tf.Tensor) -> float:
    started = time.perf_counter()
    call(image).numpy()
    return time.perf_counter() - started
