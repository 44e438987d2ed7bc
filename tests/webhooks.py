"""A real HTTP server that receives messages, goes down and comes back at the same address."""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests.processes import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "s3cr3t-t0ken"  # noqa: S105 - of a test


class Webhook:
    """What it received, and whether it is up.

    Attributes:
        received: the JSON of each message, in order.
        answer: the HTTP status it answers with.
        free: cleared, it keeps each message and does not answer until this is set.
    """

    def __init__(self) -> None:
        (self.port,) = free_ports(1)
        self.received: list[dict[str, Any]] = []
        self.answer = 200
        self.free = threading.Event()
        self.free.set()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """As Apprise names it, with a secret in its path."""
        return f"json://127.0.0.1:{self.port}/{SECRET}"

    @property
    def titles(self) -> list[str]:
        """The titles of the messages."""
        return [each["title"] for each in self.received]

    def start(self) -> None:
        """Begin to listen."""
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """Keep the message."""
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.received.append(json.loads(body))
                hook.free.wait(60)
                with contextlib.suppress(OSError):
                    self.send_response(hook.answer)
                    self.end_headers()

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections from now on."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@contextlib.contextmanager
def webhook() -> Iterator[Webhook]:
    """Yield a webhook that is up."""
    hook = Webhook()
    hook.start()
    try:
        yield hook
    finally:
        hook.free.set()
        hook.stop()
