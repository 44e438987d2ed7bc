"""Serves the desk until it is interrupted."""

from __future__ import annotations

import os
import secrets
import socket
from typing import TYPE_CHECKING

from deployments.desk.access import LOOPBACK
from deployments.desk.app import create_app
from tasks.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.storage.home import Home

GRACE_SECONDS = 2


def serve_desk(
    home: Home,
    *,
    host: str,
    port: int,
    late_after_hours: float | None,
    announce: Callable[[str], None],
) -> None:
    """Serve the desk until SIGINT or SIGTERM.

    Args:
        home: of any model; all models of its root are shown.
        host: name or address to listen on; other than this machine's own asks for the token.
        port: 0 takes a free one.
        late_after_hours: a model whose last run is older needs attention; None for any age.
        announce: called with what a person should know, once the port is open.

    Raises:
        UsageError: host or port can't be used.
    """
    import uvicorn

    token = None if host in LOOPBACK else desk_token(home)
    app = create_app(home, late_after_hours=late_after_hours, token=token)
    with _listening(host, port) as listener:
        shown = f"[{host}]" if ":" in host else host
        announce(f"desk: http://{shown}:{listener.getsockname()[1]}")
        if token is not None:
            announce(f"Its password is the token in {home.desk_token}; any user name will do.")
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            # Whoever follows a run holds a connection for as long as it takes.
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        uvicorn.Server(config).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"Can't listen on {host}, port {port}: {reason}. Choose another with --host and --port."
        ) from None


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
