"""One writer at a time for a file that several processes read, change and write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from filelock import FileLock

if TYPE_CHECKING:
    from pathlib import Path


def file_lock(path: Path) -> FileLock:
    """Return the lock of a file or folder; the system frees it when the process ends.

    Hold it from before the file is read until it is written, or the last writer erases what others
    wrote in between.
    """
    # Next to it, as the file itself is replaced by each write.
    lock = path.with_name(f".{path.name}.lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(lock)
