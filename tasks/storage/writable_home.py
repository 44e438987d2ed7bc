"""A home goes in; nothing comes out, or the reason why nothing can be written there."""

from __future__ import annotations

import errno
import tempfile
from typing import TYPE_CHECKING

from tasks.errors import PixelgateError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.storage.home import Home

# A full disk, by contrast, is no mistake of whoever names the folder.
FULL = {errno.ENOSPC, errno.EDQUOT}


def require_writable(home: Home) -> None:
    """Check that a home can be written to; it is created if it is missing.

    Raises:
        UsageError: it can't, or it is no folder.
        PixelgateError: its disk is full.
    """
    try:
        try_to_write(home.root)
    except OSError as error:
        raise unwritable(home, error) from None


def try_to_write(folder: Path) -> None:
    """Create a folder if it is missing, and a file in it that is gone again.

    Raises:
        OSError: it can't be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def unwritable(home: Home, error: OSError) -> PixelgateError:
    """Return the error that says why a home can't be written to.

    Args:
        home: that was to be written to.
        error: what the operating system answered.
    """
    said = f"Can't write to the home folder {home.root}: {error.strerror}."
    if error.errno in FULL:
        return PixelgateError(f"{said} Free space on its disk, and run the same command again.")
    return UsageError(f"{said} Set --home or PIXELGATE_HOME to a folder of yours.")
