"""The bytes of a file go in, as a string tensor; what stands beside its pixels comes out.

Chunks of PNG and WebP, the segments of JPEG, and the orientation in EXIF and XMP, each found where
Pillow finds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tasks.exports.graph_bytes import (
    big_endian,
    is_one_of,
    joined,
    little_endian,
    part_of,
    rest_of,
    size_of,
    values_of,
)
from tasks.inventory.orientation import EXIF_ORIENTATION, TURNS, UPRIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

EXIF, XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
# Of JPEG: what begins a marker, a segment for applications, the scan, and the end.
MARKER, APP1, SCAN, END = 0xFF, 0xE1, 0xDA, 0xD9
# Markers without a length: escaped data, restarts and the start.
ALONE = (0x00, 0x01, *range(0xD0, 0xD9))
# Frames of all kinds of compression; their sixth byte is the number of colours.
FRAMES, COLORS_AT = tuple(set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}), 5
# TIFF's heads, and what it writes for other readers of the same; an entry of its directory.
LITTLE, BIG, ENTRY = (b"II*\0", b"II\0*"), (b"MM\0*", b"MM*\0"), 12
# The types that an orientation has.
SHORT, LONG = 3, 4
# Steps from segment to segment, and over bytes of none: more is no image, but takes time.
STEPS = 2**12
# \C is any byte, whatever the encoding; the first orientation counts.
XMP_PATTERN = r'^\C*?tiff:Orientation(?:="|>)([0-9])\C*$'
NONE = -1


@dataclass(frozen=True)
class Chunks:
    """How the chunks of a format are laid out.

    Attributes:
        start: of the first one.
        name: where its four letters are, from its start.
        length: where the length of its content is.
        number: reads that length.
        behind: bytes that follow a content of some length.
    """

    start: int
    name: int
    length: int
    number: Callable[[Any, Any, int], Any]
    behind: Callable[[Any], Any]


PNG_CHUNKS = Chunks(8, name=4, length=0, number=big_endian, behind=lambda _: 4)
WEBP_CHUNKS = Chunks(12, name=0, length=4, number=little_endian, behind=lambda length: length % 2)


def find_chunks(data: Any, layout: Chunks, wanted: Sequence[tuple[bytes, bytes]]) -> list[Any]:
    """Return the content of chunks; empty where there is none.

    Args:
        data: of the file.
        layout: of its format.
        wanted: the name of each chunk, and what its content begins with.
    """

    def advance(start: Any, *found: Any) -> Any:
        name = part_of(data, start + layout.name, 4)
        length = layout.number(data, start + layout.length, 4)
        # Nothing is copied of the other chunks, which hold the pixels.
        is_wanted = tf.reduce_any(tf.equal(name, [each for each, _ in wanted]))
        content = part_of(data, start + 8, tf.where(is_wanted, length, 0))
        taken = [
            tf.where(tf.logical_and(name == each, _begins(content, begin)), content, before)
            for (each, begin), before in zip(wanted, found, strict=True)
        ]
        return start + 8 + length + layout.behind(length), *taken

    before = (tf.constant(layout.start, tf.int64), *(tf.constant(b"") for _ in wanted))
    _, *found = tf.while_loop(lambda start, *_: start < size_of(data), advance, before)
    return list(found)


@dataclass(frozen=True)
class JpegSegments:
    """What a JPEG's segments say.

    Attributes:
        exif: content of the EXIF segments; empty without any.
        xmp: content of the last XMP segment; empty without any.
        colors: number of colours; 4 in CMYK.
    """

    exif: Any
    xmp: Any
    colors: Any


def jpeg_segments(data: Any) -> JpegSegments:
    """Read the segments before the pixels."""

    def advance(start: Any, exif: Any, xmp: Any, colors: Any) -> Any:
        head = values_of(data, start, 4)
        is_marker = tf.logical_and(tf.equal(head[0], MARKER), tf.not_equal(head[1], MARKER))
        is_segment = tf.logical_and(is_marker, tf.logical_not(is_one_of(head[1], ALONE)))
        kind = tf.where(is_segment, head[1], 0)
        length = tf.maximum(joined(head[2:], is_big=True), 2)
        content = part_of(data, start + 4, tf.where(is_segment, length - 2, 0))
        is_app = tf.equal(kind, APP1)
        # What is no marker is skipped, byte by byte.
        step = tf.where(is_segment, length + 2, tf.cast(tf.where(is_marker, 2, 1), tf.int64))
        return (
            tf.where(is_one_of(kind, (SCAN, END)), size_of(data), start + step),
            tf.where(
                tf.logical_and(is_app, _begins(content, EXIF)),
                tf.strings.join([exif, rest_of(content, len(EXIF))]),
                exif,
            ),
            tf.where(tf.logical_and(is_app, _begins(content, XMP)), content, xmp),
            tf.where(is_one_of(kind, FRAMES), values_of(content, COLORS_AT, 1)[0], colors),
        )

    before = (tf.constant(2, tf.int64), tf.constant(b""), tf.constant(b""), tf.zeros((), tf.int64))
    _, *found = tf.while_loop(
        lambda start, *_: start < size_of(data), advance, before, maximum_iterations=STEPS
    )
    return JpegSegments(*found)


def orientation_from(exif: Any, xmp: Any) -> Any:
    """Return the orientation in a file's EXIF, or else in its XMP: 1 to 8, scalar int64."""
    for _ in range(2):
        exif = tf.where(_begins(exif, EXIF), rest_of(exif, len(EXIF)), exif)
    tagged = _exif_value(exif)
    value = tf.where(tf.equal(tagged, NONE), _xmp_value(xmp), tagged)
    return tf.where(is_one_of(value, tuple(TURNS)), value, UPRIGHT)


def _begins(data: Any, begin: bytes) -> Any:
    return tf.equal(part_of(data, 0, len(begin)), begin)


def _exif_value(exif: Any) -> Any:
    """Return the orientation's value; NONE without that entry, 0 where it is of another type."""
    order = part_of(exif, 0, 4)
    is_big = tf.reduce_any(tf.equal(order, BIG))
    is_read = tf.logical_or(is_big, tf.reduce_any(tf.equal(order, LITTLE)))
    start = joined(values_of(exif, 4, 4), is_big=is_big)
    count = tf.where(is_read, joined(values_of(exif, start, 2), is_big=is_big), 0)
    found = part_of(exif, start + 2, ENTRY * count)
    whole = part_of(found, 0, size_of(found) // ENTRY * ENTRY)
    rows = tf.cast(tf.reshape(tf.io.decode_raw(whole, tf.uint8), (-1, ENTRY)), tf.int64)
    tags, kinds, short = (joined(rows[:, at : at + 2], is_big=is_big) for at in (0, 2, 8))
    counts, long = (joined(rows[:, at : at + 4], is_big=is_big) for at in (4, 8))
    # Of two numbers the first counts; more than fit in here would stand elsewhere.
    is_short = tf.logical_and(tf.equal(kinds, SHORT), tf.equal((counts + 1) // 2, 1))
    is_long = tf.logical_and(tf.equal(kinds, LONG), tf.equal(counts, 1))
    values = tf.where(is_short, short, tf.where(is_long, long, 0))
    # The last one counts, as in a dictionary.
    named = tf.boolean_mask(values, tf.equal(tags, EXIF_ORIENTATION))
    return tf.concat([tf.constant([NONE], tf.int64), named], 0)[-1]


def _xmp_value(xmp: Any) -> Any:
    digit = tf.strings.regex_replace(xmp, XMP_PATTERN, r"\1", replace_global=False)
    is_found = tf.strings.regex_full_match(xmp, XMP_PATTERN)
    return tf.where(is_found, values_of(digit, 0, 1)[0] - ord("0"), NONE)
