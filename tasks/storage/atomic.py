"""Writes that are whole or not there: a temporary name beside the place, flushed, then renamed."""

from __future__ import annotations

import json
import logging
import os
import shutil
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tasks.storage.hashing import plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

log = logging.getLogger("pixelgate")


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success flush it and rename it into place.

    The temporary name ends as the path's, because writers such as Keras choose the format by it.
    On any error the temporary file is removed and `path` is left as it was.

    Raises:
        OSError: the folder can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex[:8]}.{path.name}")
    try:
        yield temporary
        sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside `path`; on success flush its files and rename it into place.

    On any error it is removed with all that is in it.

    Raises:
        OSError: the folder can't be written, or `path` is a folder that holds something.
    """
    temporary = path.with_name(f".{uuid.uuid4().hex[:8]}.{path.name}")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        for file in temporary.rglob("*"):
            sync(file)
        temporary.replace(path)
        sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sync(path: Path) -> None:
    """Have the system write a file, or a folder's list of names, to the disk now."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, content: Any) -> Path:
    """Write `content` as indented JSON; numpy numbers and paths are written as plain ones."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, default=plain) + "\n", "utf-8")
    return path


def read_json(path: Path) -> Any:
    """Read JSON that `write_json` wrote."""
    return json.loads(path.read_text("utf-8"))


def write_parquet(path: Path, frame: pd.DataFrame) -> Path:
    """Write a frame, its `attrs` included, as Parquet."""
    with atomic_write(path) as temporary:
        frame.to_parquet(temporary, index=False)
    return path


def read_parquet_or_none(path: Path) -> pd.DataFrame | None:
    """Read a Parquet file that can be made again; None where it is missing or torn."""
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        if path.exists():
            log.warning("%s can't be read (%s) and is made again", path, error)
        return None
