"""What was read of unchanged files before; a file whose size or time moved is read again.

The cache is a Parquet file a data folder. It carries the version of what wrote it and a checksum of
its rows; a file that is torn, altered or of another version is not believed but written anew.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
from typing import TYPE_CHECKING

import pandas as pd

from tasks.files import digest, write_parquet
from tasks.inventory import looks, pictures
from tasks.inventory.columns import BYTES, MTIME_NS, PATH, PICTURE_COLUMNS

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.config import DataConfig

COLUMNS = [PATH, *PICTURE_COLUMNS]

log = logging.getLogger("pixelgate.inventory")


def cache_file(folder: Path, root: Path) -> Path:
    """Return the place of the cache of a data folder."""
    return folder / f"{digest(str(root.resolve()))[:32]}.parquet"


def load_cache(file: Path, settings: DataConfig) -> pd.DataFrame:
    """Return what is known of a folder's files; no rows where there is nothing to believe."""
    if not file.exists():
        return pd.DataFrame(columns=COLUMNS)
    try:
        known = pd.read_parquet(file)
        believed = (
            known.attrs.get("version") == _version(settings)
            and list(known.columns) == COLUMNS
            and known.attrs.get("checksum") == _checksum(known)
        )
    except Exception as error:  # noqa: BLE001 - a torn file raises anything; none of it matters
        log.warning(
            "the inventory cache %s can't be read (%s); reading all files again", file, error
        )
        believed = False
    return known if believed else pd.DataFrame(columns=COLUMNS)


def save_cache(file: Path, known: pd.DataFrame, settings: DataConfig) -> None:
    """Write what is known of a folder's files, whole or not at all."""
    rows = known[COLUMNS].reset_index(drop=True)
    rows.attrs = {"version": _version(settings), "checksum": _checksum(rows)}
    write_parquet(file, rows)


def still_known(files: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Return the known rows of files whose path, size and time are as they were.

    Args:
        files: path, bytes and mtime_ns as they are now.
        known: rows of the cache.

    Returns:
        PICTURE_COLUMNS, indexed as the matching rows of `files`.
    """
    now = pd.MultiIndex.from_frame(files[[PATH, BYTES, MTIME_NS]])
    before = pd.MultiIndex.from_frame(known[[PATH, BYTES, MTIME_NS]])
    places = before.get_indexer(now)
    rows = known.iloc[places[places >= 0]][list(PICTURE_COLUMNS)]
    return rows.set_axis(files.index[places >= 0])


def _version(settings: DataConfig) -> str:
    """What a row follows from beside the file: the code that read it and the limit of pixels."""
    code = digest([inspect.getsource(module) for module in (pictures, looks)])
    return f"{code[:16]}-{settings.max_pixels}"


def _checksum(rows: pd.DataFrame) -> str:
    hashed = pd.util.hash_pandas_object(rows, index=False).to_numpy()
    return hashlib.sha256(hashed.tobytes()).hexdigest()
