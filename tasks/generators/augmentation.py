"""Augments a batch of images at random, each image its own way.

The transforms, their names and their order are those of Keras' ImageDataGenerator: rotate, shift,
zoom, then flip, then brightness, all about the centre of the image. Here the random numbers of a
whole batch are drawn at once, and one graph operation transforms all of its images.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from tasks.config.generators import GeneratorConfig, ShiftRange

HALF = 0.5
# Added to the seed: brightness must not be drawn from the same numbers as the moves.
BRIGHTNESS = (1 << 40, 0)


def augment(images: tf.Tensor, settings: GeneratorConfig, *, seed: tf.Tensor) -> tf.Tensor:
    """Transform each image of a batch at random.

    Args:
        images: (batch, height, width, channels) uint8.
        settings: the ranges; all zero leaves the images as they are.
        seed: (2,) int64; the same seed gives the same batch.

    Returns:
        (batch, height, width, channels) uint8.
    """
    images = move(images, draw_moves(tf.shape(images), settings, seed=seed), settings)
    if settings.brightness_range is not None:
        low, high = settings.brightness_range
        drawn = tf.random.stateless_uniform([tf.shape(images)[0]], seed + BRIGHTNESS)
        factor = _between(drawn, low, high)[:, None, None, None]
        # A cast alone would wrap values above 255 around to black.
        brighter = tf.round(tf.cast(images, tf.float32) * factor)
        images = tf.cast(tf.clip_by_value(brighter, 0.0, 255.0), tf.uint8)
    return images


def draw_moves(shape: tf.Tensor, settings: GeneratorConfig, *, seed: tf.Tensor) -> tf.Tensor:
    """Draw an affine map for each image of a batch.

    Args:
        shape: (4,) int32, of the batch: images, height, width, channels.
        settings: the ranges.
        seed: (2,) int64.

    Returns:
        (batch, 8) float32: for an output pixel at column x and row y the input pixel's column is
        `m0 x + m1 y + m2`, its row `m3 x + m4 y + m5`; the last two are zero.
    """
    batch = shape[0]
    height, width = tf.cast(shape[1], tf.float32), tf.cast(shape[2], tf.float32)
    # One draw of all seven numbers: in small batches an operation costs more than its numbers.
    drawn = tf.unstack(tf.random.stateless_uniform([7, batch], seed))
    angle = math.radians(settings.rotation_range)
    theta = _between(drawn[0], -angle, angle)
    down = _shift(drawn[1], settings.height_shift_range, height)
    right = _shift(drawn[2], settings.width_shift_range, width)
    low, high = _zoom_limits(settings.zoom_range)
    zoom_y = _flip(drawn[4], _between(drawn[3], low, high), enabled=settings.vertical_flip)
    zoom_x = _flip(drawn[6], _between(drawn[5], low, high), enabled=settings.horizontal_flip)
    return affine(theta, down, right, zoom_y, zoom_x, height=height, width=width)


def affine(  # noqa: PLR0913 - the five numbers of a move
    theta: tf.Tensor,
    down: tf.Tensor,
    right: tf.Tensor,
    zoom_y: tf.Tensor,
    zoom_x: tf.Tensor,
    *,
    height: tf.Tensor,
    width: tf.Tensor,
) -> tf.Tensor:
    """Compose rotation, shift and zoom about the centre, as ImageDataGenerator composes them.

    In (row, column) coordinates the map from output to input is
    `centre + R(theta) @ (shift + Z @ (point - centre))`; a flip is a zoom of -1.

    Args:
        theta: (batch,) radians, counter-clockwise in row-column order.
        down: (batch,) pixels along the rows.
        right: (batch,) pixels along the columns.
        zoom_y: (batch,) factor along the rows; above 1 shows more of the surroundings.
        zoom_x: (batch,) factor along the columns.
        height: of the images, pixels.
        width: of the images, pixels.

    Returns:
        (batch, 8) float32, as `draw_moves` describes it.
    """
    # Multiplied out by hand, so that no 3 x 3 matrices, one per image and step, are ever made.
    cos, sin = tf.cos(theta), tf.sin(theta)
    row_from_row, row_from_column = cos * zoom_y, -sin * zoom_x
    column_from_row, column_from_column = sin * zoom_y, cos * zoom_x
    middle_row, middle_column = (height - 1) / 2, (width - 1) / 2
    row = cos * down - sin * right + middle_row
    row -= row_from_row * middle_row + row_from_column * middle_column
    column = sin * down + cos * right + middle_column
    column -= column_from_row * middle_row + column_from_column * middle_column
    zero = tf.zeros_like(theta)
    return tf.stack(
        [
            column_from_column,
            column_from_row,
            column,
            row_from_column,
            row_from_row,
            row,
            zero,
            zero,
        ],
        axis=1,
    )


def move(images: tf.Tensor, moves: tf.Tensor, settings: GeneratorConfig) -> tf.Tensor:
    """Resample every image along its affine map, bilinearly.

    Args:
        images: (batch, height, width, channels) uint8.
        moves: (batch, 8) float32, as `draw_moves` returns them.
        settings: fill_mode and cval say how points outside the image are filled.

    Returns:
        (batch, height, width, channels) uint8.
    """
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=moves,
        output_shape=tf.shape(images)[1:3],
        fill_value=float(settings.cval),
        interpolation="BILINEAR",
        fill_mode=settings.fill_mode.upper(),
    )


def _between(drawn: tf.Tensor, low: float | tf.Tensor, high: float | tf.Tensor) -> tf.Tensor:
    """Stretch numbers drawn from [0, 1) to a range."""
    return low + drawn * (high - low)


def _shift(drawn: tf.Tensor, extent: ShiftRange, side: tf.Tensor) -> tf.Tensor:
    """Return shifts in pixels: a float is a range, an integer or a list gives choices."""
    if isinstance(extent, float):
        most = extent * side if extent < 1 else tf.constant(extent)
        return _between(drawn, -most, most)
    choices = list(range(extent)) if isinstance(extent, int) else list(extent)
    if not choices:
        return tf.zeros_like(drawn)
    # Two numbers for each choice, one per direction.
    number = tf.cast(drawn * 2 * len(choices), tf.int32)
    chosen = tf.gather(tf.constant(choices, tf.float32), number // 2)
    # As in ImageDataGenerator, shifts below 1 are a share of the side and others are pixels.
    if max(choices) < 1:
        chosen *= side
    return chosen * tf.cast(1 - 2 * (number % 2), tf.float32)


def _zoom_limits(zoom_range: float | tuple[float, float]) -> tuple[float, float]:
    if isinstance(zoom_range, tuple):
        return zoom_range
    return 1 - zoom_range, 1 + zoom_range


def _flip(drawn: tf.Tensor, zoom: tf.Tensor, *, enabled: bool) -> tf.Tensor:
    """Negate the zoom of half of the images, which mirrors them."""
    return tf.where(drawn < HALF, -zoom, zoom) if enabled else zoom
