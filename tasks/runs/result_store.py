"""Results of finished stages, kept by key, which a later run of the same recipe takes over."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

from tasks.storage.atomic import atomic_folder

if TYPE_CHECKING:
    from pathlib import Path

# After this long no process is still writing in a folder that is not in its place yet.
ABANDONED_SECONDS = 86_400.0


def copy_result(finished: Path, directory: Path) -> None:
    """Copy what runs share of a finished stage into the evidence of one, whole or not at all.

    Raises:
        FileNotFoundError: it was removed meanwhile.
    """
    with atomic_folder(directory) as copy:
        shutil.copytree(finished, copy, dirs_exist_ok=True)


def stale_folders(folder: Path, *, kept: int) -> list[Path]:
    """Return which folders inside one nobody needs any more.

    Args:
        folder: holds folders that `atomic_folder` made; need not exist.
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
