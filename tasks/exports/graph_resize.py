"""An image goes in as a tensor; the image in a model's size comes out, bit for bit as from Pillow.

`tf.image.resize` rounds elsewhere. Pillow scales rows and then columns, with weights in fixed
point, and rounds to 8 bits in between; in double precision all of its sums are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow as tf

# Bits of a weight behind the point.
PRECISION = 22
# Numbers in double precision that are multiplied at once.
VALUES = 2**19
OPAQUE = 255


@dataclass(frozen=True)
class Box:
    """The part of an image that is scaled: left, top, right and bottom, pixels, scalar float64."""

    left: Any
    top: Any
    right: Any
    bottom: Any


def fit_image(image: Any, size: tuple[int, int], resize: str) -> Any:
    """Return an image in a model's size, as `generators.decoding` does.

    Args:
        image: (height, width, channels) uint8.
        size: height and width, pixels.
        resize: stretch, pad, crop or center_crop.

    Returns:
        (height, width, channels) uint8.
    """
    height, width = _sides(image)
    fitting = tf.logical_and(tf.equal(height, size[0]), tf.equal(width, size[1]))
    ways = {"stretch": _stretched, "pad": _padded, "crop": _cropped, "center_crop": _cut}
    fitted = tf.cond(fitting, lambda: image, lambda: ways[resize](image, size))
    return tf.ensure_shape(fitted, (*size, image.shape[-1]))


def _stretched(image: Any, size: tuple[int, int]) -> Any:
    return _scaled(image, size[0], size[1], _whole(image))


def _padded(image: Any, size: tuple[int, int]) -> Any:
    height, width = (tf.cast(side, tf.float64) for side in _sides(image))
    ratio, wanted = width / height, tf.constant(size[1] / size[0], tf.float64)
    low = tf.where(ratio > wanted, tf.round(height / width * size[1]), float(size[0]))
    narrow = tf.where(ratio < wanted, tf.round(width / height * size[0]), float(size[1]))
    rows, columns = tf.cast(low, tf.int32), tf.cast(narrow, tf.int32)
    top = tf.cast(tf.round((size[0] - low) * 0.5), tf.int32)
    left = tf.cast(tf.round((size[1] - narrow) * 0.5), tf.int32)
    around = [[top, size[0] - rows - top], [left, size[1] - columns - left], [0, 0]]
    return tf.pad(_scaled(image, rows, columns, _whole(image)), around)


def _cropped(image: Any, size: tuple[int, int]) -> Any:
    height, width = (tf.cast(side, tf.float64) for side in _sides(image))
    wanted = tf.constant(size[1] / size[0], tf.float64)
    is_wide = width / height >= wanted
    is_alike = tf.equal(width / height, wanted)
    narrow = tf.where(tf.logical_and(is_wide, tf.logical_not(is_alike)), wanted * height, width)
    low = tf.where(is_wide, height, _divided(width, wanted))
    left, top = (width - narrow) * 0.5, (height - low) * 0.5
    return _scaled(image, size[0], size[1], Box(left, top, left + narrow, top + low))


def _cut(image: Any, size: tuple[int, int]) -> Any:
    height, width = _sides(image)
    is_large = tf.logical_and(height >= size[0], width >= size[1])
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    return tf.cond(
        is_large,
        lambda: image[top : top + size[0], left : left + size[1]],
        lambda: _cropped(image, size),
    )


def _sides(image: Any) -> tuple[Any, Any]:
    shape = tf.shape(image)
    return shape[0], shape[1]


def _whole(image: Any) -> Box:
    height, width = (tf.cast(side, tf.float64) for side in _sides(image))
    nothing = tf.zeros((), tf.float64)
    return Box(nothing, nothing, width, height)


def _scaled(image: Any, rows: Any, columns: Any, box: Box) -> Any:
    height, width = _sides(image)
    whole = _whole(image)
    is_same = tf.reduce_all(
        [
            tf.equal(rows, height),
            tf.equal(columns, width),
            tf.equal(box.left, 0.0),
            tf.equal(box.top, 0.0),
            tf.equal(box.right, whole.right),
            tf.equal(box.bottom, whole.bottom),
        ]
    )
    # Not only for speed: transparent images change when they are scaled to their own size.
    return tf.cond(is_same, lambda: image, lambda: _resampled(image, rows, columns, box))


def _resampled(image: Any, rows: Any, columns: Any, box: Box) -> Any:
    has_alpha = image.shape[-1] == 4  # noqa: PLR2004 - channels
    if has_alpha:
        image = _premultiplied(image)
    height, width = _sides(image)
    down = _weights(height, box.top, box.bottom, rows)
    across = _weights(width, box.left, box.right, columns)
    # Pillow scales rows first, unless that leaves far more to do for the columns.
    is_tall = tf.logical_and(height > rows, height - rows > 2 * (width - columns))
    (first, second) = tf.cond(is_tall, lambda: (down, across), lambda: (across, down))
    turned = _exchanged_if(tf.logical_not(is_tall), image)
    scaled = _pass(tf.transpose(_pass(turned, first), (1, 0, 2)), second)
    scaled = _exchanged_if(is_tall, tf.ensure_shape(scaled, (None, None, image.shape[-1])))
    return _unmultiplied(scaled) if has_alpha else scaled


def _exchanged_if(condition: Any, image: Any) -> Any:
    return tf.cond(condition, lambda: tf.transpose(image, (1, 0, 2)), lambda: image)


def _weights(length: Any, low: Any, high: Any, count: Any) -> tuple[Any, Any]:
    """Return which old pixels of a line each new one consists of, and how much of each.

    Args:
        length: of the line, pixels.
        low: where the scaled part begins.
        high: where it ends.
        count: of new pixels.

    Returns:
        (new, pixels) int32 and (new, pixels) float64, which are integers.
    """
    # Pillow keeps the box in single precision.
    low, high = tf.cast(low, tf.float32), tf.cast(high, tf.float32)
    scale = _divided(tf.cast(high - low, tf.float64), tf.cast(count, tf.float64))
    support = tf.maximum(scale, 1.0)
    steps = tf.cast(tf.range(count), tf.float64) + 0.5
    centre = (tf.cast(low, tf.float64) + steps * scale)[:, None]
    first = tf.maximum(_truncated(centre - support + 0.5), 0.0)
    behind = tf.minimum(_truncated(centre + support + 0.5), tf.cast(length, tf.float64))
    pixels = first + tf.range(2.0 * tf.math.ceil(support) + 1.0)[None]
    near = tf.maximum(1.0 - tf.abs((pixels - centre + 0.5) * (1.0 / support)), 0.0)
    near = tf.where(pixels < behind, near, 0.0)
    # Added one after the other, as another order may round otherwise.
    total = tf.cumsum(near, axis=1)[:, -1:]
    shares = tf.floor(_divided(near, total) * 2.0**PRECISION + 0.5)
    return tf.minimum(tf.cast(pixels, tf.int32), length - 1), shares


def _divided(number: Any, by: Any) -> Any:
    # TensorFlow's optimizer turns a plain division by a constant into a product, which is rounded
    # otherwise.
    return tf.math.divide_no_nan(number, by)


def _truncated(values: Any) -> Any:
    return tf.cast(tf.cast(values, tf.int64), tf.float64)


def _pass(image: Any, weights: tuple[Any, Any]) -> Any:
    """Scale the first axis of an image: (old, a, b) uint8 to (new, a, b) uint8."""
    shape, (count, taps) = tf.shape(image), tf.unstack(tf.shape(weights[0]))
    width = shape[1] * shape[2]
    lines = tf.reshape(image, (shape[0], width))
    # Some new lines at once: as many as keep the old ones of all of them in the processor's cache.
    fitting = VALUES // tf.maximum(taps * width, 1)
    size = tf.clip_by_value(fitting, 1, tf.maximum(count, 1))
    # One at least, as padding may leave an image of no width at all.
    blocks = tf.maximum(1, -(-count // size))
    missing = [[0, blocks * size - count], [0, 0]]

    def scale(block: tuple[Any, Any]) -> Any:
        old = tf.cast(tf.gather(lines, block[0]), tf.float64)
        rounded = tf.floor(tf.linalg.matvec(old, block[1], transpose_a=True) * 0.5**PRECISION + 0.5)
        return tf.cast(tf.clip_by_value(rounded, 0.0, 255.0), tf.uint8)

    scaled = tf.map_fn(
        scale,
        [tf.reshape(tf.pad(each, missing), (blocks, size, taps)) for each in weights],
        fn_output_signature=tf.TensorSpec((None, None), tf.uint8),
        parallel_iterations=1,
    )
    wanted = tf.reshape(scaled, (blocks * size, width))[:count]
    return tf.reshape(wanted, (count, shape[1], shape[2]))


def _premultiplied(image: Any) -> Any:
    values = tf.cast(image, tf.int32)
    product = values[..., :-1] * values[..., -1:] + 128
    colors = (product // 256 + product) // 256
    return tf.concat([tf.cast(colors, tf.uint8), image[..., -1:]], axis=-1)


def _unmultiplied(image: Any) -> Any:
    values = tf.cast(image, tf.int32)
    colors, alpha = values[..., :-1], values[..., -1:]
    divided = tf.minimum(OPAQUE * colors // tf.maximum(alpha, 1), 255)
    is_plain = tf.logical_or(tf.equal(alpha, 0), tf.equal(alpha, OPAQUE))
    colors = tf.where(is_plain, colors, divided)
    return tf.concat([tf.cast(colors, tf.uint8), image[..., -1:]], axis=-1)
