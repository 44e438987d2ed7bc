"""Files and folders are removed so that a kill leaves nothing half removed where it is looked for.

They are renamed into a hidden folder beside them, which nothing reads, and deleted there.
"""

from __future__ import annotations

import os
import shutil
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# A folder within: were the entry itself only hidden, `glob("*/config.json")` would still find it.
REMOVED = ".removed"
BLOCK = 512


def move_aside(path: Path) -> bool:
    """Rename a file or folder to where nothing looks for it; `delete_moved` frees its space.

    Returns:
        Whether it was there.
    """
    folder = path.parent / REMOVED
    folder.mkdir(exist_ok=True)
    try:
        path.rename(folder / f"{uuid.uuid4().hex[:8]}.{path.name}")
    except FileNotFoundError:
        return False
    return True


def delete_moved(folders: Iterable[Path]) -> None:
    """Delete what was moved aside in these folders, now or by a process that was killed."""
    for folder in set(folders):
        shutil.rmtree(folder / REMOVED, ignore_errors=True)


def disk_bytes(*paths: Path) -> int:
    """Return the bytes that files and folders fill on the disk; links are not followed."""
    return sum(map(_bytes_of, paths))


def _bytes_of(path: Path | os.DirEntry[str]) -> int:
    try:
        size = os.lstat(path).st_blocks * BLOCK
        if os.path.islink(path) or not os.path.isdir(path):  # noqa: PTH112, PTH114 - of entries too
            return size
        with os.scandir(path) as entries:
            return size + sum(map(_bytes_of, entries))
    except OSError:
        # Another process is removing it just now.
        return 0
