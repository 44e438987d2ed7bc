"""The inventory stage: a data folder goes in; a frame with a row a picture file comes out."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks.inventory.cache import cache_file, load_cache, save_cache, still_known
from tasks.inventory.columns import (
    BYTES,
    COLUMNS,
    DTYPES,
    ERROR,
    MTIME_NS,
    PATH,
    PICTURE_COLUMNS,
)
from tasks.inventory.layouts import label_files
from tasks.inventory.pictures import read_pictures
from tasks.inventory.splits import assign_splits
from tasks.progress import track
from tasks.settings import existing_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.config import DataConfig

CHUNK = 512
READ_DTYPES = {name: DTYPES[name] for name in PICTURE_COLUMNS}
# Below this many files a pool of processes costs more than it saves.
FILES_WORTH_A_POOL = 4_000

log = logging.getLogger("pixelgate.inventory")


def take_inventory(settings: DataConfig, *, seed: int, cache: Path | None = None) -> pd.DataFrame:
    """Read every picture file of a data folder once.

    Args:
        settings: the folder or manifest, its layout, and the fractions of the split.
        seed: of the split.
        cache: folder that remembers what was read; a file whose path, size and time are as they
            were is not read again.

    Returns:
        A frame sorted by path with the columns of `columns.COLUMNS`; `pictures.describe_picture`
        says what they mean. `frame.attrs` holds root, layout, hidden and other.

    Raises:
        DataFolderError: the folder is missing, unreadable, empty or of no known layout.
        SettingsError: the label pattern is wrong.
    """
    directory = existing_directory(settings)
    files, found = label_files(directory, settings)
    root = directory if directory.is_dir() else directory.parent
    pictures = _read_pictures(root, files, settings, cache)
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


def _read_pictures(
    root: Path, files: pd.DataFrame, settings: DataConfig, cache: Path | None
) -> pd.DataFrame:
    """Return the columns that reading the files tells, in the order of `files`."""
    nameable = files[files[ERROR].isna()]
    known = pd.DataFrame(columns=list(PICTURE_COLUMNS))
    if cache is not None:
        file = cache_file(cache, root)
        known = still_known(_with_status(root, nameable), load_cache(file, settings))
    fresh = _read_fresh(root, nameable[PATH].drop(known.index), settings)
    pictures = pd.concat([part for part in (known, fresh) if len(part)] or [fresh])
    if cache is not None and len(fresh):
        save_cache(file, nameable[[PATH]].join(pictures), settings)
    pictures = pictures.reindex(files.index)
    return pictures.assign(**{ERROR: files[ERROR].fillna(pictures[ERROR])})


def _with_status(root: Path, files: pd.DataFrame) -> pd.DataFrame:
    """Add size and time of each file as they are now; -1 for one that is gone."""
    statuses = [_status(f"{root}{os.sep}{path}") for path in files[PATH]]
    sizes, times = zip(*statuses, strict=True) if statuses else ((), ())
    return files.assign(**{BYTES: sizes, MTIME_NS: times})


def _status(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path for each of a million files is too slow
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _read_fresh(root: Path, paths: pd.Series, settings: DataConfig) -> pd.DataFrame:
    """Read files in processes; each chunk becomes a frame at once, which keeps memory small."""
    chunks = [paths.iloc[start : start + CHUNK].tolist() for start in range(0, len(paths), CHUNK)]
    read = _in_processes(str(root), chunks, settings, total=len(paths))
    tracked = track(read, total=len(paths), description="inventory")
    frames = [
        pd.DataFrame(rows, columns=list(PICTURE_COLUMNS)).astype(READ_DTYPES) for rows in tracked
    ]
    empty = pd.DataFrame(columns=list(PICTURE_COLUMNS)).astype(READ_DTYPES)
    return pd.concat(frames or [empty]).set_axis(paths.index)


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
    return read_pictures(root, paths, max_pixels=max_pixels)
