"""The bytes of files go in, as a tensor; what a model is fed comes out, as `generators.decoding`.

The whole of it is one graph of TensorFlow's own operations, which a SavedModel can hold. Its pixels
are those of Pillow, bit for bit; formats in which TensorFlow's differ are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tasks.exports.graph_bitmaps import bmp_pixels, gif_pixels
from tasks.exports.graph_bytes import part_of
from tasks.exports.graph_colors import in_colors
from tasks.exports.graph_formats import jpeg_pixels, png_pixels, webp_pixels
from tasks.exports.graph_metadata import (
    PNG_CHUNKS,
    WEBP_CHUNKS,
    find_chunks,
    jpeg_segments,
    orientation_from,
)
from tasks.exports.graph_resize import fit_image

if TYPE_CHECKING:
    from tasks.generators.decoding import Decoding

    # Pixels, EXIF and XMP.
    _Read = tuple[Any, Any, Any]

# What files begin with; in WebP four bytes of length stand in between.
JPEG, PNG, GIFS, BMP = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", (b"GIF87a", b"GIF89a"), b"BM"
RIFF, WEBP = b"RIFF", b"WEBP"
# The one PNG chunk of text that holds XMP, uncompressed.
XMP_TEXT = b"XML:com.adobe.xmp\0\0"
# No EXIF, and no XMP.
NOTHING = (b"", b"")
UNKNOWN = "not an image that can be read here: a JPEG, PNG, GIF, BMP or WebP"
# What each orientation does to the stored pixels, columns and rows exchanged first.
EXCHANGED, MIRRORED, FLIPPED = (5, 6, 7, 8), (2, 3, 6, 7), (3, 4, 7, 8)
# Images decoded at once; each needs the memory of its pixels, before they are scaled.
AT_ONCE = 4


def decode_files(files: Any, decoding: Decoding) -> Any:
    """Return the images of files.

    Args:
        files: (files,) string.
        decoding: how.

    Returns:
        (files, height, width, channels) uint8.
    """
    # Decoders run there only; and so the weights of scaling are computed alike everywhere.
    with tf.device("/CPU:0"):
        return tf.map_fn(
            lambda data: _decode(data, decoding),
            files,
            fn_output_signature=tf.TensorSpec(decoding.shape, tf.uint8),
            parallel_iterations=AT_ONCE,
        )


def _decode(data: Any, decoding: Decoding) -> Any:
    known = [
        part_of(data, 0, len(JPEG)) == JPEG,
        part_of(data, 0, len(PNG)) == PNG,
        tf.reduce_any(tf.equal(part_of(data, 0, len(GIFS[0])), GIFS)),
        part_of(data, 0, len(BMP)) == BMP,
        tf.logical_and(part_of(data, 0, 4) == RIFF, part_of(data, 8, 4) == WEBP),
        True,
    ]
    readers = [_read_jpeg, _read_png, _read_gif, _read_bmp, _read_webp, _refuse]
    branches = [lambda read=read: read(data, decoding) for read in readers]
    pixels, exif, xmp = tf.switch_case(tf.argmax(tf.stack(known), output_type=tf.int32), branches)
    pixels = tf.ensure_shape(pixels, (None, None, None))
    colored = in_colors(pixels, decoding.color_mode)
    upright = _upright(colored, orientation_from(exif, xmp))
    return fit_image(upright, decoding.size, decoding.resize)


def _read_jpeg(data: Any, _: Decoding) -> _Read:
    found = jpeg_segments(data)
    return jpeg_pixels(data, found.colors), found.exif, found.xmp


def _read_png(data: Any, decoding: Decoding) -> _Read:
    transparency, exif, xmp = find_chunks(
        data, PNG_CHUNKS, [(b"tRNS", b""), (b"eXIf", b""), (b"iTXt", XMP_TEXT)]
    )
    return png_pixels(data, transparency, decoding), exif, xmp


def _read_webp(data: Any, _: Decoding) -> _Read:
    exif, xmp = find_chunks(data, WEBP_CHUNKS, [(b"EXIF", b""), (b"XMP ", b"")])
    return webp_pixels(data), exif, xmp


def _read_gif(data: Any, decoding: Decoding) -> _Read:
    return gif_pixels(data, decoding.color_mode), *NOTHING


def _read_bmp(data: Any, _: Decoding) -> _Read:
    return bmp_pixels(data), *NOTHING


def _refuse(*_: Any) -> _Read:
    with tf.control_dependencies([tf.debugging.Assert(condition=False, data=[UNKNOWN])]):
        return tf.zeros((1, 1, 3), tf.uint8), *NOTHING


def _upright(image: Any, orientation: Any) -> Any:
    for turned, change in (
        (EXCHANGED, lambda pixels: tf.transpose(pixels, (1, 0, 2))),
        (MIRRORED, lambda pixels: tf.reverse(pixels, [1])),
        (FLIPPED, lambda pixels: tf.reverse(pixels, [0])),
    ):
        is_turned = tf.reduce_any(tf.equal(orientation, tf.constant(turned, tf.int64)))
        image = tf.cond(
            is_turned,
            lambda pixels=image, change=change: change(pixels),
            lambda pixels=image: pixels,
        )
    return image
