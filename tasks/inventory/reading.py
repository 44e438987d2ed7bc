"""Reads files in worker processes, into a frame with one row per file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from tasks.inventory.arrow_batches import ARROW_TYPES, SCHEMA, lost_batch, read_batch
from tasks.runtime.parallel import in_chunks, map_chunks
from tasks.runtime.progress import track

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.config.data import DataConfig
    from tasks.inventory.image_file import OnImage

# What a process that reads files imports.
READER = read_batch.__module__
PANDAS_TYPES = {
    ARROW_TYPES[name]: pd.api.types.pandas_dtype(name)
    for name in ("boolean", "Int8", "Int32", "Int64", "binary[pyarrow]")
}


def read_files(
    root: Path,
    paths: pd.Series,
    sizes: pd.Series,
    settings: DataConfig,
    writer_for: Callable[[int], OnImage] | None = None,
) -> Callable[[], pd.DataFrame]:
    """Start to read, decode and measure files.

    Each chunk arrives as Arrow columns, which take far less memory than rows of Python objects.

    Args:
        root: folder the paths are relative to.
        paths: relative POSIX paths.
        sizes: of the files, bytes; they decide how many files make a chunk.
        settings: the limit of pixels and the number of processes.
        writer_for: called in a worker process with the index of a chunk's first file; returns what
            is called with the images of that chunk, see `image_file.read_images`.

    Returns:
        A function that waits for all files and returns a frame of `columns.IMAGE_COLUMNS`, indexed
        as `paths`.
    """
    files = list(enumerate(paths.tolist()))
    calls = [
        (str(root), chunk, settings.max_pixels, writer_for)
        for _, chunk in in_chunks(files, sizes.tolist())
    ]
    read = map_chunks(
        read_batch, calls, total=len(files), workers=settings.workers, lost=lost_batch
    )

    def wait() -> pd.DataFrame:
        batches = list(track(read, total=len(paths), description="inventory"))
        return as_frame(pa.Table.from_batches(batches, schema=SCHEMA)).set_axis(paths.index)

    return wait


def as_frame(table: pa.Table) -> pd.DataFrame:
    """Return an Arrow table of inventory columns as a frame of their dtypes."""
    # Without it every later operation would join the chunks of a column again.
    frame: pd.DataFrame = table.combine_chunks().to_pandas(types_mapper=PANDAS_TYPES.get)
    return frame
