"""Reads a chunk of files into Arrow columns, the form in which a worker process sends them.

Imports only Arrow and what reading needs, so that a worker process starts fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tasks.inventory.columns import DTYPES, IMAGE_COLUMNS
from tasks.inventory.image_file import read_images

if TYPE_CHECKING:
    from tasks.inventory.image_file import OnImage

ARROW_TYPES = {
    "str": pa.string(),
    "boolean": pa.bool_(),
    "Int8": pa.int8(),
    "Int32": pa.int32(),
    "Int64": pa.int64(),
    "float32": pa.float32(),
    "binary[pyarrow]": pa.binary(),
}
# One schema for every chunk: a column that is empty in one chunk must not change its type there.
SCHEMA = pa.schema([(name, ARROW_TYPES[DTYPES[name]]) for name in IMAGE_COLUMNS])


def read_batch(
    root: str, paths: list[str], max_pixels: int, on_image: OnImage | None = None
) -> pa.RecordBatch:
    """Read files as `image_file.read_images` does, and return its rows as columns."""
    rows = read_images(root, paths, max_pixels, on_image)
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
