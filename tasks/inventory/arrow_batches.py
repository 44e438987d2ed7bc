"""Paths go in; Arrow columns of what the files hold come out, as a worker process sends them.

Imports only what reading needs and Arrow, so that a worker process starts fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tasks.inventory.columns import DTYPES, IMAGE_COLUMNS
from tasks.inventory.image_file import read_images

if TYPE_CHECKING:
    from tasks.inventory.image_file import Keep

ARROW_TYPES = {
    "str": pa.string(),
    "boolean": pa.bool_(),
    "Int8": pa.int8(),
    "Int32": pa.int32(),
    "Int64": pa.int64(),
    "float32": pa.float32(),
    "binary[pyarrow]": pa.binary(),
}
SCHEMA = pa.schema([(name, ARROW_TYPES[DTYPES[name]]) for name in IMAGE_COLUMNS])


def read_batch(
    root: str, paths: list[str], max_pixels: int, keep: Keep | None = None
) -> pa.RecordBatch:
    """Read files as `images.read_images` does, and return its rows as columns."""
    rows = read_images(root, paths, max_pixels, keep)
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
