"""Writes that are complete or absent: to a temporary name next to the path, flushed, renamed."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import DamagedFileError
from tasks.storage.hashing import file_digest, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

CHECKSUMS = "checksums.json"
# Of a Parquet file, in one group: whoever asks for one row of a million reads only so many.
ROWS_IN_GROUP = 2**14


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`; on success flush it and rename it to `path`.

    The temporary name keeps the suffix, because writers such as Keras choose the format by it. On
    any error the temporary file is removed and `path` is left as it was.

    Raises:
        OSError: the folder can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, as only within one file system a rename is atomic.
    temporary = path.with_name(f".{uuid.uuid4().hex[:8]}.{path.name}")
    try:
        yield temporary
        # Flushed before the rename: after a power cut the name must not stand for an empty file.
        sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path, *, sealed: bool = False) -> Iterator[Path]:
    """Yield an empty folder next to `path`; on success flush its files and rename it to `path`.

    On any error it is removed with everything in it.

    Args:
        path: where it appears.
        sealed: add the checksums of its files, which `checked.believe_folder` verifies.

    Raises:
        OSError: the folder can't be written, or `path` is a folder that is not empty.
    """
    temporary = path.with_name(f".{uuid.uuid4().hex[:8]}.{path.name}")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if sealed:
            write_checksums(temporary)
        for file in temporary.rglob("*"):
            sync(file)
        temporary.replace(path)
        sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_checksums(folder: Path) -> None:
    """Write the SHA-256 of every file in a folder, but for an earlier list, to `checksums.json`."""
    listed = folder / CHECKSUMS
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file != listed)
    checksums = {file.relative_to(folder).as_posix(): file_digest(file) for file in files}
    # Not flushed: the folder is, as a whole, before it is renamed.
    listed.write_text(json.dumps(checksums, indent=2) + "\n", "utf-8")


def sync(path: Path) -> None:
    """Flush a file, or the list of names of a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, content: Any) -> Path:
    """Write `content` as indented JSON; NumPy numbers and paths as plain numbers and text."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, default=plain) + "\n", "utf-8")
    return path


def read_json(path: Path, change: Callable[[str], str] | None = None) -> Any:
    """Read a JSON file that `write_json` wrote.

    Args:
        path: of the file.
        change: applied to its text before it is parsed.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedFileError: it is torn, or no JSON.
    """
    try:
        text = path.read_text("utf-8")
        return json.loads(change(text) if change else text)
    except ValueError as error:
        raise DamagedFileError(path, f"it is not JSON ({error})") from None


def write_parquet(path: Path, frame: pd.DataFrame) -> Path:
    """Write a frame as Parquet, including its `attrs` but for absolute paths.

    A home, or the data folder, may be somewhere else when it is read.
    """
    written = frame.copy(deep=False)
    written.attrs = {key: value for key, value in frame.attrs.items() if not _is_path(value)}
    with atomic_write(path) as temporary:
        written.to_parquet(temporary, index=False, row_group_size=ROWS_IN_GROUP)
    return path


def _is_path(value: Any) -> bool:
    return isinstance(value, (str, Path)) and Path(value).is_absolute()
