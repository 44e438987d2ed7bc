"""Paths go in; a frame of what each file holds comes out, read in processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from tasks.inventory.arrow_batches import ARROW_TYPES, SCHEMA, read_batch
from tasks.runtime.parallel import in_chunks, map_chunks
from tasks.runtime.progress import track

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.config.data import DataConfig
    from tasks.inventory.image_file import Keep

PANDAS_TYPES = {
    ARROW_TYPES[name]: pd.api.types.pandas_dtype(name)
    for name in ("boolean", "Int8", "Int32", "Int64", "binary[pyarrow]")
}


def read_files(
    root: Path,
    paths: pd.Series,
    sizes: pd.Series,
    settings: DataConfig,
    keeper: Callable[[int], Keep] | None = None,
) -> Callable[[], pd.DataFrame]:
    """Begin to read, decode and measure files.

    A chunk arrives as Arrow columns, which keeps memory small.

    Args:
        root: folder the paths are relative to.
        paths: relative POSIX paths.
        sizes: of the files, bytes, which decide how many are read at a time.
        settings: the limit of pixels and the number of processes.
        keeper: gives, for the place of a chunk's first file, what its images are handed to.

    Returns:
        A function that waits for the end and returns a frame of `columns.IMAGE_COLUMNS`, indexed
        as `paths`.
    """
    chunks = in_chunks(paths.tolist(), sizes.tolist())
    calls = [
        (str(root), chunk, settings.max_pixels, keeper(start) if keeper else None)
        for start, chunk in chunks
    ]
    read = map_chunks(read_batch, calls, total=len(paths), workers=settings.workers)

    def wait() -> pd.DataFrame:
        batches = list(track(read, total=len(paths), description="inventory"))
        return as_frame(pa.Table.from_batches(batches, schema=SCHEMA)).set_axis(paths.index)

    return wait


def as_frame(table: pa.Table) -> pd.DataFrame:
    """Return an Arrow table of inventory columns as a frame of their dtypes."""
    # Pieces of one column each would be joined again by every reader.
    frame: pd.DataFrame = table.combine_chunks().to_pandas(types_mapper=PANDAS_TYPES.get)
    return frame
