"""The inventory stage: a data folder goes in; a frame with a row a picture file comes out."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks.inventory.columns import COLUMNS, DTYPES, ERROR, PATH, PICTURE_COLUMNS
from tasks.inventory.layouts import label_files
from tasks.inventory.pictures import read_picture
from tasks.inventory.splits import assign_splits
from tasks.progress import track
from tasks.settings import existing_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.config import DataConfig

CHUNK = 512
# Below this many files a pool of processes costs more than it saves.
FILES_WORTH_A_POOL = 4_000

log = logging.getLogger("pixelgate.inventory")


def take_inventory(settings: DataConfig, *, seed: int) -> pd.DataFrame:
    """Read every picture file of a data folder once.

    Args:
        settings: the folder or manifest, its layout, and the fractions of the split.
        seed: of the split.

    Returns:
        A frame sorted by path with the columns of `columns.COLUMNS`: path (relative, POSIX), split,
        label, format, mode, height and width (pixels), channels, bytes, mtime_ns, sha256 and error
        (None for a picture that decodes). `frame.attrs` holds root, layout, hidden and other.

    Raises:
        DataFolderError: the folder is missing, unreadable, empty or of no known layout.
        SettingsError: the label pattern is wrong.
    """
    directory = existing_directory(settings)
    files, found = label_files(directory, settings)
    root = directory if directory.is_dir() else directory.parent
    pictures = _read_pictures(root, files, settings)
    inventory = assign_splits(
        pd.concat([files.drop(columns=ERROR), pictures], axis="columns")[list(COLUMNS)],
        test_fraction=settings.test_fraction,
        validation_fraction=settings.validation_fraction,
        seed=seed,
    )
    inventory.attrs.update(found, root=str(root))
    return inventory


def root_of(inventory: pd.DataFrame) -> Path:
    """Return the folder the inventory's paths are relative to."""
    return Path(inventory.attrs["root"])


def _read_pictures(root: Path, files: pd.DataFrame, settings: DataConfig) -> pd.DataFrame:
    """Return the columns that reading the files tells, in the order of `files`."""
    paths = files[PATH].where(files[ERROR].isna(), "").tolist()
    chunks = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)]
    read = _in_processes(str(root), chunks, settings, total=len(paths))
    rows = [
        row for chunk in track(read, total=len(paths), description="inventory") for row in chunk
    ]
    pictures = pd.DataFrame(rows, columns=list(PICTURE_COLUMNS)).astype(
        {name: DTYPES[name] for name in PICTURE_COLUMNS}
    )
    return pictures.assign(**{ERROR: files[ERROR].fillna(pictures[ERROR])})


def _in_processes(
    root: str, chunks: list[list[str]], settings: DataConfig, *, total: int
) -> Iterator[list[dict[str, Any]]]:
    from joblib import Parallel, delayed

    workers = settings.workers or os.cpu_count() or 1
    jobs = 1 if total < FILES_WORTH_A_POOL else workers
    # A generator keeps only the chunks under way in memory, not every result at once.
    pool = Parallel(n_jobs=jobs, return_as="generator", batch_size=1)
    read: Iterator[list[dict[str, Any]]] = pool(
        delayed(_read_chunk)(root, chunk, settings.max_pixels) for chunk in chunks
    )
    return read


def _read_chunk(root: str, paths: list[str], max_pixels: int) -> list[dict[str, Any]]:
    return [read_picture(root, path, max_pixels=max_pixels) if path else {} for path in paths]
