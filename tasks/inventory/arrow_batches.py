"""Reads a chunk of files into Arrow columns, the form in which a worker process sends them.

Imports only Arrow and what reading needs, so that a worker process starts fast.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pyarrow as pa

from tasks.inventory.columns import DTYPES, IMAGE_COLUMNS
from tasks.inventory.image_file import read_images

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.inventory.image_file import OnImage

ARROW_TYPES = {
    "str": pa.string(),
    "boolean": pa.bool_(),
    "Int8": pa.int8(),
    "Int32": pa.int32(),
    "Int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "binary[pyarrow]": pa.binary(),
}
# One schema for every chunk: a column that is empty in one chunk must not change its type there.
SCHEMA = pa.schema([(name, ARROW_TYPES[DTYPES[name]]) for name in IMAGE_COLUMNS])

log = logging.getLogger("pixelgate.inventory")


def read_batch(
    root: str,
    files: list[tuple[int, str]],
    max_pixels: int,
    writer_for: Callable[[int], OnImage] | None = None,
) -> pa.RecordBatch:
    """Read files as `image_file.read_images` does, and return its rows as columns.

    Args:
        root: folder the paths are relative to.
        files: consecutive indexes and relative POSIX paths.
        max_pixels: an image that declares more is not expanded.
        writer_for: called with the index of the first file; returns what receives the images.
    """
    on_image = writer_for(files[0][0]) if writer_for else None
    rows = read_images(root, [path for _, path in files], max_pixels, on_image)
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


def lost_batch(file: tuple[int, str], signal: str) -> pa.RecordBatch:
    """Return the row of a file that ended the process that read it."""
    log.warning("reading %s ended the process (%s)", file[1], signal)
    error = f"reading it ended the process ({signal}); the file was left out"
    return pa.RecordBatch.from_pylist([{"error": error}], schema=SCHEMA)
