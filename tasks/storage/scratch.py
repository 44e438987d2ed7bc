"""Folders under home for what is needed for a moment, and the removal of what killed commands left.

Not in the system's folder for temporary files: a command that is killed can't remove its own, there
nobody else would, and it may be too small for a model.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.storage.home import Home

ABANDONED_SECONDS = 86_400.0


@contextmanager
def scratch_folder(home: Home) -> Iterator[Path]:
    """Yield an empty folder that is gone afterwards.

    Raises:
        OSError: home can't be written.
    """
    folder = new_scratch_folder(home)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_scratch_folder(home: Home) -> Path:
    """Return an empty folder that a later command removes, a day old at the earliest.

    Raises:
        OSError: home can't be written.
    """
    home.scratch.mkdir(parents=True, exist_ok=True)
    for entry in home.scratch.iterdir():
        if time.time() - entry.lstat().st_mtime > ABANDONED_SECONDS:
            shutil.rmtree(entry, ignore_errors=True)
    return Path(tempfile.mkdtemp(dir=home.scratch))
