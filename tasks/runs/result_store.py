"""Results of finished stages, cached by key; a later run of the same recipe reuses them."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

from tasks.storage.atomic import atomic_folder

if TYPE_CHECKING:
    from pathlib import Path

# No process writes to an unfinished folder for longer than this.
ABANDONED_SECONDS = 86_400.0


def copy_result(finished: Path, directory: Path) -> None:
    """Copy the shared result of a finished stage into a run's evidence, all of it or nothing.

    Args:
        finished: folder of the result.
        directory: in the run's folder; must not exist.

    Raises:
        FileNotFoundError: another process removed the result in the meantime.
    """
    with atomic_folder(directory) as copy:
        shutil.copytree(finished, copy, dirs_exist_ok=True)


def stale_folders(folder: Path, *, kept: int) -> list[Path]:
    """Return the folders in a result store that can be removed.

    Args:
        folder: holds folders that `atomic_folder` made; need not exist.
        kept: how many of them stay, the most recently changed ones.

    Returns:
        All others, and the unfinished folders of processes that were killed.
    """
    by_age = sorted((entry for entry in folder.glob("*") if entry.is_dir()), key=folder_age)
    # `atomic_folder` writes under a hidden name and renames at the end.
    finished = [entry for entry in by_age if not entry.name.startswith(".")]
    unfinished = [entry for entry in by_age if entry.name.startswith(".")]
    abandoned = [entry for entry in unfinished if folder_age(entry) > ABANDONED_SECONDS]
    return [*finished[kept:], *abandoned]


def folder_age(folder: Path) -> float:
    """Return the seconds since the folder, or a file in it, was last changed."""
    try:
        times = [path.stat().st_mtime for path in (folder, *folder.glob("*"))]
    except OSError:
        # Another process is removing or renaming it just now.
        return 0.0
    return time.time() - max(times)
