"""Writes that are whole or not there: a temporary name beside the place, flushed, then renamed."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

# After this long nobody is still writing in a folder that is not in its place yet.
ABANDONED_SECONDS = 86_400.0

log = logging.getLogger("pixelgate")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
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
def replacing_folder(path: Path) -> Iterator[Path]:
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


def copy_finished(finished: Path, directory: Path) -> None:
    """Copy what runs share of a finished stage into the evidence of one, whole or not at all.

    Raises:
        FileNotFoundError: it was removed meanwhile.
    """
    with replacing_folder(directory) as copy:
        shutil.copytree(finished, copy, dirs_exist_ok=True)


def outdated(folder: Path, *, kept: int) -> list[Path]:
    """Return which folders inside one nobody needs any more.

    Args:
        folder: holds folders that `replacing_folder` made; need not exist.
        kept: how many of them stay, those used last.

    Returns:
        The rest of them, and what processes that were killed left half-written.
    """
    by_age = sorted((entry for entry in folder.glob("*") if entry.is_dir()), key=folder_age)
    whole = [entry for entry in by_age if not entry.name.startswith(".")]
    unfinished = [entry for entry in by_age if entry.name.startswith(".")]
    return [*whole[kept:], *(left for left in unfinished if folder_age(left) > ABANDONED_SECONDS)]


def folder_age(folder: Path) -> float:
    """Return for how many seconds neither it nor a file in it was changed."""
    try:
        times = [path.stat().st_mtime for path in (folder, *folder.glob("*"))]
    except OSError:
        return 0.0
    return time.time() - max(times)


def sync(path: Path) -> None:
    """Have the system write a file, or a folder's list of names, to the disk now."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, content: Any) -> Path:
    """Write `content` as indented JSON; numpy numbers and paths are written as plain ones."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, default=_plain) + "\n", "utf-8")
    return path


def read_json(path: Path) -> Any:
    """Read JSON that `write_json` wrote."""
    return json.loads(path.read_text("utf-8"))


def write_parquet(path: Path, frame: pd.DataFrame) -> Path:
    """Write a frame, its `attrs` included, as Parquet."""
    with replacing(path) as temporary:
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


def file_digest(path: Path) -> str:
    """Return the SHA-256, in hexadecimal, of a file."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def digest(content: Any) -> str:
    """Return the SHA-256, in hexadecimal, of `content` written as canonical JSON."""
    canonical = json.dumps(content, sort_keys=True, default=_plain)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else str(value)
