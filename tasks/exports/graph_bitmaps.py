"""The bytes of a GIF or BMP go in, as a string tensor; its pixels come out.

TensorFlow's decoders drop the transparency of the one and the colours of the other.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tasks.exports.graph_bytes import (
    is_one_of,
    little_endian,
    part_of,
    rest_of,
    size_of,
    values_of,
)

# Of GIF: the length of its head and of an image's descriptor, where each says whether colours
# follow, and the bit that says so.
HEAD, DESCRIPTOR, HEAD_FLAGS, IMAGE_FLAGS, HAS_COLORS = 13, 10, 10, 9, 128
# What begins an image, an extension, and the one that names a transparent colour.
IMAGE, EXTENSION, CONTROL = 0x2C, 0x21, 0xF9
NONE = -1
BMP_HEADERS = (40, 52, 56, 64, 108, 124)
# Of BMP: the length of its first head, the bits of an index into its colours, and of colours.
BMP_HEAD, INDEXED, DIRECT = 14, (1, 4, 8), (24, 32)


def gif_pixels(data: Any, color_mode: str) -> Any:
    """Return the pixels of a GIF's first image.

    Args:
        data: of the file.
        color_mode: of the model.

    Returns:
        (height, width, 3 or 4) uint8.
    """
    common = _color_bytes(values_of(data, HEAD_FLAGS, 1)[0])
    image, transparent = _first_image(data, HEAD + common)
    own = _color_bytes(values_of(data, image + IMAGE_FLAGS, 1)[0])
    start = tf.where(own > 0, image + DESCRIPTOR, HEAD)
    table = part_of(data, start, tf.where(own > 0, own, common))
    count = size_of(table) // 3

    def decode(colors: Any, outside: Any) -> Any:
        # Without what stands between colours and image, which is where transparency is named.
        parts = [
            part_of(data, 0, HEAD),
            tf.where(own > 0, part_of(data, HEAD, common), colors),
            # At the corner, as TensorFlow takes the image's size for that of the screen.
            tf.strings.join([b",\0\0\0\0", part_of(data, image + 5, DESCRIPTOR - 5)]),
            tf.where(own > 0, colors, b""),
            rest_of(data, image + DESCRIPTOR + own),
        ]
        pixels = tf.io.decode_image(tf.strings.join(parts), expand_animations=False)
        return _framed(data, image, pixels, outside)

    # Pillow fills what the image leaves out with the transparent colour, or the first one.
    outside = values_of(table, 3 * tf.maximum(transparent, 0), 3)
    pixels = decode(table, tf.cast(outside, tf.uint8))

    def clear() -> Any:
        is_clear = tf.equal(tf.range(count), transparent)
        mask = tf.strings.reduce_join(tf.where(is_clear, b"\0\0\0", b"\xff\xff\xff"))
        return tf.concat([pixels, decode(mask, tf.constant(0, tf.uint8))[..., :1]], axis=-1)

    is_opaque = tf.logical_or(transparent < 0, _is_gray(table, color_mode))
    return tf.cond(is_opaque, lambda: pixels, clear)


def _color_bytes(flags: Any) -> Any:
    """Return the length of the colours that a byte of flags announces."""
    return flags // HAS_COLORS * 3 * 2 ** (flags % 8 + 1)


def _is_gray(table: Any, color_mode: str) -> Any:
    """Return whether Pillow reads it as gray, whose opacity a model of gray images doesn't see."""
    values = tf.reshape(tf.io.decode_raw(table, tf.uint8), (-1, 3))
    ramp = tf.cast(tf.range(tf.shape(values)[0]), tf.uint8)[:, None]
    return tf.logical_and(color_mode == "grayscale", tf.reduce_all(tf.equal(values, ramp)))


def _first_image(data: Any, start: Any) -> tuple[Any, Any]:
    """Return where the first image's descriptor begins, and its transparent colour or NONE."""

    def advance(start: Any, transparent: Any) -> Any:
        block = values_of(data, start, 7)
        is_extension = tf.equal(block[0], EXTENSION)
        is_control = tf.logical_and(is_extension, tf.equal(block[1], CONTROL))
        is_named = tf.logical_and(is_control, tf.equal(block[3] % 2, 1))
        behind = tf.cond(is_extension, lambda: _behind_parts(data, start + 2), lambda: start + 1)
        return behind, tf.where(is_named, block[6], transparent)

    def is_before(start: Any, _: Any) -> Any:
        is_image = tf.equal(values_of(data, start, 1)[0], IMAGE)
        return tf.logical_and(start < size_of(data), tf.logical_not(is_image))

    found: tuple[Any, Any] = tf.while_loop(is_before, advance, (start, tf.constant(NONE, tf.int64)))
    return found


def _behind_parts(data: Any, start: Any) -> Any:
    """Return where an extension's parts end: each begins with its length, the last one has none."""
    last = tf.while_loop(
        lambda start: values_of(data, start, 1)[0] > 0,
        lambda start: (start + 1 + values_of(data, start, 1)[0],),
        (start,),
    )
    return last[0] + 1


def _framed(data: Any, image: Any, pixels: Any, outside: Any) -> Any:
    """Lay the first image on the screen, which grows with it."""
    left, top, width, height = (little_endian(data, image + at, 2) for at in (1, 3, 5, 7))
    columns, rows = little_endian(data, 6, 2), little_endian(data, 8, 2)
    right, below = tf.maximum(columns - left - width, 0), tf.maximum(rows - top - height, 0)
    around = [[top, below], [left, right], [0, 0]]
    laid = tf.pad(pixels[:height, :width], around)
    is_inside = tf.pad(tf.ones(tf.stack([height, width, 1]), tf.bool), around)
    return tf.where(is_inside, laid, outside)


def bmp_pixels(data: Any) -> Any:
    """Return the pixels of an uncompressed BMP: (height, width, 3) uint8."""
    start, header = little_endian(data, 10, 4), little_endian(data, BMP_HEAD, 4)
    width, tall = little_endian(data, 18, 4), little_endian(data, 22, 4)
    bits, packing = little_endian(data, 28, 2), little_endian(data, 30, 4)
    is_read = tf.logical_and(
        tf.logical_and(is_one_of(header, BMP_HEADERS), is_one_of(bits, INDEXED + DIRECT)),
        tf.equal(packing, 0),
    )
    # A negative height, for rows from the top, in 32 bits.
    is_from_top = tall >= 2**31
    height = tf.where(is_from_top, 2**32 - tall, tall)
    stride = (width * bits + 31) // 32 * 4
    plain = tf.debugging.Assert(is_read, ["only BMP without compression can be read here"])
    with tf.control_dependencies([plain]):
        stored = tf.io.decode_raw(part_of(data, start, stride * height), tf.uint8)
    rows = tf.reshape(stored, tf.stack([height, stride]))
    rows = tf.cond(is_from_top, lambda: rows, lambda: tf.reverse(rows, [0]))
    return tf.cond(
        is_one_of(bits, INDEXED),
        lambda: _bmp_indexed(data, rows, width, bits),
        lambda: _bmp_colors(rows, width, bits // 8),
    )


def _bmp_colors(rows: Any, width: Any, count: Any) -> Any:
    pixels = tf.reshape(
        rows[:, : width * count], tf.stack([tf.shape(rows, tf.int64)[0], width, count])
    )
    # Blue, green and red; a fourth byte means nothing.
    return tf.reverse(pixels[..., :3], [2])


def _bmp_indexed(data: Any, rows: Any, width: Any, bits: Any) -> Any:
    named = little_endian(data, 46, 4)
    count = tf.where(named > 0, named, tf.bitwise.left_shift(tf.ones((), tf.int64), bits))
    colors = part_of(data, BMP_HEAD + little_endian(data, BMP_HEAD, 4), 4 * count)
    table = tf.reshape(tf.io.decode_raw(colors, tf.uint8), (-1, 4))[:, 2::-1]
    at = tf.range(width) * bits
    shift = tf.cast(8 - bits - at % 8, tf.int32)
    packed = tf.cast(tf.gather(rows, at // 8, axis=1), tf.int32)
    every = tf.cast(tf.bitwise.left_shift(tf.ones((), tf.int64), bits), tf.int32)
    return tf.gather(table, tf.bitwise.right_shift(packed, shift) % every)
