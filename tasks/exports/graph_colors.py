"""An image of any colours goes in as a tensor; the image in a model's colours comes out.

The same integers as Pillow's conversions, and as `inventory.displayed` lays over white.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tasks.models.contract import CHANNELS

GRAY, COLOR = 1, 3
# Parts of red, green and blue in gray, in 1 / 65536.
LUMA = (19595, 38470, 7471)
WHITE = 255


def in_colors(image: Any, color_mode: str) -> Any:
    """Return an image in a model's colours; transparency is laid over white, unless it has that.

    Args:
        image: (height, width, 1 to 4) uint8: gray, gray and opacity, colours, or colours and
            opacity.
        color_mode: grayscale, rgb or rgba.

    Returns:
        (height, width, channels) uint8.
    """
    convert = {"grayscale": _as_gray, "rgb": _as_rgb, "rgba": _as_rgba}[color_mode]
    # In each branch the number of channels is known.
    branches = [
        lambda count=count: convert(tf.ensure_shape(image, (None, None, count)))
        for count in range(1, 5)
    ]
    converted = tf.switch_case(tf.shape(image)[-1] - 1, branches)
    return tf.ensure_shape(converted, (None, None, CHANNELS[color_mode]))


def _as_gray(image: Any) -> Any:
    opaque = _over_white(image)
    if opaque.shape[-1] == GRAY:
        return opaque
    weighted = [tf.cast(opaque[..., each], tf.int32) * parts for each, parts in enumerate(LUMA)]
    return tf.cast((tf.add_n(weighted) + 2**15) // 2**16, tf.uint8)[..., None]


def _as_rgb(image: Any) -> Any:
    return _with_colors(_over_white(image))


def _as_rgba(image: Any) -> Any:
    if image.shape[-1] in (GRAY, COLOR):
        opaque = tf.fill(tf.concat([tf.shape(image)[:2], [1]], 0), tf.constant(WHITE, tf.uint8))
        return tf.concat([_with_colors(image), opaque], axis=-1)
    return tf.concat([_with_colors(image[..., :-1]), image[..., -1:]], axis=-1)


def _with_colors(image: Any) -> Any:
    return tf.repeat(image, COLOR, axis=-1) if image.shape[-1] == GRAY else image


def _over_white(image: Any) -> Any:
    if image.shape[-1] in (GRAY, COLOR):
        return image
    # Pillow divides by 255 by shifts, of numbers with seven bits more.
    values = tf.cast(image, tf.int32)
    colors, alpha = values[..., :-1], values[..., -1:]
    mixed = (colors * alpha + WHITE * (WHITE - alpha) + 128) * 128
    return tf.cast((mixed // 256 + mixed) // 256 // 128, tf.uint8)
