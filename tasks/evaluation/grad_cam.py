"""A model and images go in; where in each image the model saw the class it named comes out.

Grad-CAM (Selvaraju et al., ICCV 2017): the maps of the last convolution, weighted by how much each
one raises the score of that class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Callable

    Maps = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]

BATCH = 8
# Rank of (batch, height, width, channels); a smaller map says nothing about where.
MAP_RANK, SMALLEST_MAP = 4, 2


def see_class(network: keras.Model, images: np.ndarray, outputs: np.ndarray) -> np.ndarray | None:
    """Return where a model saw the class of an output.

    Args:
        network: from (batch, height, width, channels) uint8 to probabilities.
        images: (images, height, width, channels) uint8.
        outputs: (images,) index of the output of each image's class; of a sigmoid's only output, 0
            is the first class and 1 the second.

    Returns:
        (images, map height, map width) float32 in [0, 1], 1 where it was seen best; None for a
        model without a map, or one that answers with the mean over flipped copies.
    """
    maps = _with_maps(network)
    if maps is None:
        return None
    heat = [
        _heat(maps, images[start : start + BATCH], outputs[start : start + BATCH])
        for start in range(0, len(images), BATCH)
    ]
    return np.concatenate(heat)


def _heat(maps: Maps, images: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    with tf.GradientTape() as tape:
        inputs = tf.cast(images, tf.float32)
        # Something must be watched for the tape to record what follows.
        tape.watch(inputs)
        seen, probabilities = maps(inputs)
        if probabilities.shape[-1] == 1:
            probabilities = tf.concat([1 - probabilities, probabilities], axis=-1)
        named = tf.gather(probabilities, outputs, axis=1, batch_dims=1)
        # The logarithm, as a softmax that is certain has no slope left.
        score = tf.math.log(tf.maximum(named, keras.config.epsilon()))
    slopes = tf.reduce_mean(tape.gradient(score, seen), axis=(1, 2), keepdims=True)
    heat = tf.nn.relu(tf.reduce_sum(tf.cast(slopes * seen, tf.float32), axis=-1))
    highest = tf.reduce_max(heat, axis=(1, 2), keepdims=True)
    shares: np.ndarray = tf.math.divide_no_nan(heat, highest).numpy()
    return shares


def _with_maps(network: keras.Model) -> Maps | None:
    """Return a function from float32 images to the last map and the outputs."""
    layers = network.layers
    numbers = [n for n, layer in enumerate(layers) if _last_map(layer) is not None]
    if not numbers:
        return None
    at = layers[numbers[-1]]
    if not isinstance(at, keras.Model):
        both = keras.Model(network.inputs, [_last_map(at), network.output])
        return lambda images: both(images, training=False)
    # A network in the network has a graph of its own, which is joined by hand: what comes before
    # it, itself with its map, and what comes after.
    before, after = layers[numbers[-1] - 1].output, layers[numbers[-1] + 1].input
    if isinstance(after, list):
        return None
    first = keras.Model(network.inputs, before)
    inner = keras.Model(at.inputs, [_last_map(at), at.output])
    last = keras.Model(after, network.output)

    def maps(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        seen, features = inner(first(images, training=False), training=False)
        return seen, last(features, training=False)

    return maps


def _last_map(layer: keras.Layer) -> keras.KerasTensor | None:
    """Return the last map of a layer, or of the layers of a network in the network."""
    inner = layer.layers if isinstance(layer, keras.Model) else [layer]
    maps = [each.output for each in inner if _makes_a_map(each)]
    return maps[-1] if maps else None


def _makes_a_map(layer: keras.Layer) -> bool:
    # Images themselves are no maps, nor what only scales them.
    if isinstance(layer, keras.layers.InputLayer | keras.layers.Rescaling | keras.Model):
        return False
    shape = getattr(layer.output, "shape", ())
    return len(shape) == MAP_RANK and None not in shape[1:3] and min(shape[1:3]) >= SMALLEST_MAP
