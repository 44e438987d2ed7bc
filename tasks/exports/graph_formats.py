"""The bytes of a JPEG, PNG or WebP go in, as a string tensor; its pixels come out.

Pixels are (height, width, 1 to 4) uint8: gray, gray and opacity, colours, or colours and opacity.
Where Pillow overlooks opacity, there is none here either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tasks.exports.graph_bytes import part_of, size_of, values_of
from tasks.inventory.deep_values import scale_values

if TYPE_CHECKING:
    from tasks.generators.decoding import Decoding

# Kinds of PNG, where its head says kind and bits, and the bits of the deep ones.
GRAY, COLOR = 0, 2
BITS_AT, KIND_AT, DEEP = 24, 25, 16
# Of WebP: where its first chunk begins, and the bit that says that images follow each other.
WEBP_HEAD, ANIMATED = 12, 2
CMYK, WHITE = 4, 255
LEVELS = 2**16


def jpeg_pixels(data: Any, colors: Any) -> Any:
    """Return the pixels of a JPEG.

    Args:
        data: of the file.
        colors: how many it has; CMYK is refused, as TensorFlow converts it otherwise than Pillow.
    """
    few = tf.debugging.Assert(colors < CMYK, ["a JPEG in CMYK can't be read here; save it in RGB"])
    with tf.control_dependencies([few]):
        # The other method is faster, and differs by a level here and there.
        return tf.io.decode_jpeg(data, dct_method="INTEGER_ACCURATE")


def webp_pixels(data: Any) -> Any:
    """Return the pixels of a WebP that is not animated."""
    name, flags = part_of(data, WEBP_HEAD, 4), values_of(data, WEBP_HEAD + 8, 1)[0]
    is_animated = tf.logical_and(name == b"VP8X", tf.equal(flags // ANIMATED % 2, 1))
    # TensorFlow 2.21 writes beyond the memory of animations without opacity.
    still = tf.debugging.Assert(
        tf.logical_not(is_animated), ["an animated WebP can't be read here; save its first image"]
    )
    with tf.control_dependencies([still]):
        return tf.io.decode_image(data, expand_animations=False)


def png_pixels(data: Any, transparency: Any, decoding: Decoding) -> Any:
    """Return the pixels of a PNG.

    Args:
        data: of the file.
        transparency: content of its chunk tRNS; empty without one.
        decoding: whose value range scales 16 bits; without one the upper 8 are kept.
    """
    bits, kind = tf.unstack(values_of(data, BITS_AT, 2))

    def shallow() -> Any:
        pixels = tf.io.decode_png(data)
        is_one_color = tf.logical_and(size_of(transparency) > 0, kind <= COLOR)
        return tf.cond(
            is_one_color,
            lambda: _with_one_transparent(pixels, transparency, bits, decoding.color_mode),
            lambda: pixels,
        )

    if decoding.value_range is None:
        return shallow()
    value_range = decoding.value_range
    return tf.cond(tf.equal(bits, DEEP), lambda: _scaled(data, value_range), shallow)


def _with_one_transparent(pixels: Any, transparency: Any, bits: Any, color_mode: str) -> Any:
    """Add opacity to gray or colours of which one value is transparent."""
    # Pillow drops the upper byte of the value, but not that of one bit.
    high, low = tf.unstack(tf.reshape(values_of(transparency, 0, 6), (3, 2)), axis=1)
    values = tf.where(tf.equal(bits, 1), tf.minimum(high + low, 1) * WHITE, low)

    def add(count: int) -> Any:
        found = tf.ensure_shape(pixels, (None, None, count))
        is_transparent = tf.reduce_all(
            tf.equal(found, tf.cast(values[:count], tf.uint8)), axis=-1, keepdims=True
        )
        opacity = tf.where(is_transparent, tf.constant(0, tf.uint8), tf.constant(WHITE, tf.uint8))
        return tf.concat([found, opacity], axis=-1)

    # An image that is in the model's mode already is left as it is, and so is deep gray.
    def gray() -> Any:
        is_kept = tf.logical_or(color_mode != "grayscale", tf.equal(bits, 1))
        is_seen = tf.logical_and(is_kept, bits < DEEP)
        return tf.cond(is_seen, lambda: add(1), lambda: pixels)

    def colors() -> Any:
        return pixels if color_mode == "rgb" else add(3)

    return tf.cond(tf.equal(tf.shape(pixels)[-1], 1), gray, colors)


def _scaled(data: Any, value_range: tuple[float, float]) -> Any:
    """Return the pixels of a PNG of 16 bits, scaled from a range."""
    every = np.arange(LEVELS, dtype=np.uint16).reshape(-1, 256)
    table = tf.constant(np.asarray(scale_values(every, value_range)).ravel())
    values = tf.cast(tf.io.decode_png(data, dtype=tf.uint16), tf.int32)
    scaled = tf.gather(table, values)
    # Opacity has the whole range of its bits.
    opacity = tf.cast(values // 256, tf.uint8)
    channels = tf.shape(values)[-1]
    is_opacity = tf.logical_and(
        tf.equal(channels % 2, 0), tf.equal(tf.range(channels), channels - 1)
    )
    return tf.where(is_opacity, opacity, scaled)
