"""The bytes of a file go in, as a string tensor; numbers and parts of it come out, in the graph.

All positions and numbers are int64. Beyond the end of a file there are zeros, so that a truncated
one is refused by what decodes it, and not by what reads around in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Sequence


def size_of(data: Any) -> Any:
    """Return the number of bytes."""
    return tf.cast(tf.strings.length(data), tf.int64)


def part_of(data: Any, start: Any, count: Any) -> Any:
    """Return bytes as a string; fewer where the file ends."""
    start = tf.minimum(tf.cast(start, tf.int64), size_of(data))
    return tf.strings.substr(data, start, tf.cast(count, tf.int64))


def rest_of(data: Any, start: Any) -> Any:
    """Return all bytes from a position on, as a string."""
    return part_of(data, start, size_of(data))


def values_of(data: Any, start: Any, count: int) -> Any:
    """Return bytes as numbers: (count,) int64."""
    found = tf.io.decode_raw(part_of(data, start, count), tf.uint8, fixed_length=count)
    return tf.cast(tf.ensure_shape(found, (count,)), tf.int64)


def joined(values: Any, *, is_big: Any) -> Any:
    """Return unsigned numbers from their bytes.

    Args:
        values: (..., bytes) int64.
        is_big: whether the highest comes first; True, False or a tensor.
    """
    powers = [256**each for each in range(values.shape[-1])]
    ordered = tf.where(is_big, tf.constant(powers[::-1], tf.int64), tf.constant(powers, tf.int64))
    return tf.reduce_sum(values * ordered, axis=-1)


def big_endian(data: Any, start: Any, count: int) -> Any:
    """Return an unsigned number of some bytes, the highest first."""
    return joined(values_of(data, start, count), is_big=True)


def little_endian(data: Any, start: Any, count: int) -> Any:
    """Return an unsigned number of some bytes, the lowest first."""
    return joined(values_of(data, start, count), is_big=False)


def is_one_of(value: Any, wanted: Sequence[int]) -> Any:
    """Return whether a number is one of some."""
    return tf.reduce_any(tf.equal(value, tf.constant(wanted, tf.int64)))
