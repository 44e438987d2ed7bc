"""Serves the desk until it is interrupted."""

from __future__ import annotations

import gc
import socket
import threading
from typing import TYPE_CHECKING

from deployments.desk.access import LOOPBACK
from deployments.desk.app import create_app
from deployments.installation.secret_files import desk_token
from tasks.errors import UsageError
from tasks.runtime.reader_process import end_idle

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

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

    is_open = host in LOOPBACK
    token = desk_token(home)
    app = create_app(home, late_after_hours=late_after_hours, token=None if is_open else token)
    # Now, or the first page of a home of a thousand runs would take seconds.
    threading.Thread(target=_read_ahead, args=[app], daemon=True).start()
    with _listening(host, port) as listener:
        shown = f"[{host}]" if ":" in host else host
        announce(f"desk: http://{shown}:{listener.getsockname()[1]}")
        use = (
            "Who wants to act is asked for"
            if is_open
            else "Its password, with any user name, and what actions ask for, is"
        )
        announce(f"{use} the token in {home.desk_token}")
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            # Whoever follows a run holds a connection for as long as it takes.
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        try:
            uvicorn.Server(config).run(sockets=[listener])
        finally:
            end_idle()


def _read_ahead(app: FastAPI) -> None:
    runs = app.state.index.summaries()
    # What a thousand summaries hold is never garbage; to look through it costs half a second.
    gc.freeze()
    if runs:
        app.state.read_images(runs[0].run_id)


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"Can't listen on {host}, port {port}: {reason}. Choose another with --host and --port."
        ) from None
