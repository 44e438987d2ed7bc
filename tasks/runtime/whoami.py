"""Who acts, as records of decisions name them."""

from __future__ import annotations

import getpass
import socket


def who_am_i() -> str:
    """Return the user and the machine, such as ada@gpu3."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        # Containers often run under a user id that has no name.
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
