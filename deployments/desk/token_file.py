"""The desk's token: made once, into a file that only its owner can read."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from tasks.errors import UsageError

if TYPE_CHECKING:
    from tasks.storage.home import Home


def desk_token(home: Home) -> str:
    """Return the desk's token, which is made once, into a file that only its owner can read."""
    file = home.desk_token
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        token = file.read_text("utf-8").strip()
        if not token:
            raise UsageError(
                f"The token file {file} is empty. Remove it to get a new one."
            ) from None
        return token
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        token = secrets.token_urlsafe()
        opened.write(f"{token}\n")
    return token
