"""Secrets that are made once, in files that only their owner can read."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from tasks.errors import UsageError
from tasks.storage.writable_home import require_writable

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.storage.home import Home


def secret_in(file: Path) -> str:
    """Return the secret in a file, which is made if it is missing, with mode 600.

    Raises:
        UsageError: the file is empty.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        secret = file.read_text("utf-8").strip()
        if not secret:
            raise UsageError(
                f"The token file {file} is empty. Remove it to get a new one."
            ) from None
        return secret
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        secret = secrets.token_urlsafe()
        opened.write(f"{secret}\n")
    return secret


def desk_token(home: Home) -> str:
    """Return the desk's token; see `secret_in`.

    Raises:
        UsageError: its file is empty, or the home can't be written to.
    """
    if not home.desk_token.exists():
        require_writable(home)
    return secret_in(home.desk_token)
