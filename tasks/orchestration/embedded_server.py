"""A Prefect server for as long as this process lives, where PREFECT_API_URL names no other.

Prefect's own helper, SubprocessASGIServer, is no use here: its server dies of the terminal's
Ctrl-C, outlives a killed parent, schedules nothing and has no dashboard.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from typing import TYPE_CHECKING

from tasks.errors import PixelgateError, UsageError
from tasks.runtime import environment
from tasks.runtime.collector import collector_paused
from tasks.storage.writable_home import try_to_write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START_SECONDS, POLL_SECONDS, HEALTH_SECONDS = 180.0, 0.05, 10.0

log = logging.getLogger("pixelgate")


@contextlib.contextmanager
def prefect_server(
    *, dashboard: bool = False, meanwhile: Callable[[], object] | None = None
) -> Iterator[str]:
    """Use the server that PREFECT_API_URL names, or one of our own.

    Our own stays until the process ends, since Prefect still sends to it when Python exits.

    Args:
        dashboard: serve Prefect's pages too, and run its scheduler.
        meanwhile: called before the server is used, and while our own starts, which takes seconds.

    Yields:
        URL of the server's API.

    Raises:
        PixelgateError: the named server doesn't answer, or our own did not start.
        UsageError: the named address is none, or Prefect can't write to its folder.
    """
    # Before Prefect is imported here, which takes a third of the time of its start.
    server = None if "PREFECT_API_URL" in os.environ else _own_server(dashboard)
    named = _named_server()
    if named:
        # By Prefect's profile, if it was started; it has seen that, too.
        _forget(server)
        _require_answer(named)
        if meanwhile:
            meanwhile()
        yield named
        return
    _require_writable_home()
    server = server or _own_server(dashboard)
    if meanwhile:
        meanwhile()
    server.wait()
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )

    # Nobody watches heartbeats on a server of one command, and their thread ends a second late.
    quiet = {} if dashboard else {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
    with temporary_settings({PREFECT_API_URL: server.api_url, **quiet}):
        yield server.api_url


def require_server() -> None:
    """Check that a server is named that stays when this command has ended.

    Raises:
        UsageError: none is named.
        PixelgateError: it doesn't answer.
    """
    named = _named_server()
    if not named:
        raise UsageError(
            "PREFECT_API_URL names no Prefect server. Set it to the address of the API, such as"
            " http://127.0.0.1:4200/api, or use `pixelgate up`, which runs one."
        )
    _require_answer(named)


def is_ours_alone() -> bool:
    """Return whether this process uses a server of its own, which nobody else can open."""
    return _own_server.cache_info().currsize > 0


@functools.cache
def _own_server(dashboard: bool) -> EmbeddedServer:  # noqa: FBT001 - the key of the cache
    return EmbeddedServer(dashboard=dashboard)


def _forget(server: EmbeddedServer | None) -> None:
    if server is not None:
        server.end()
        _own_server.cache_clear()


class EmbeddedServer:
    """A server process on a free port, started again if it dies before this process does.

    Attributes:
        api_url: URL of the API, which answers after `wait`.
    """

    def __init__(self, *, dashboard: bool) -> None:
        self._dashboard = dashboard
        self._port = _free_port()
        self.api_url = f"http://127.0.0.1:{self._port}/api"
        self._starting: subprocess.Popen[bytes] | None = self._start()

    def wait(self) -> None:
        """Wait until the server answers for the first time.

        Raises:
            PixelgateError: it did not start.
        """
        process, self._starting = self._starting, None
        if process is not None:
            self._wait_until_healthy(process)
            threading.Thread(target=self._restart_for_ever, args=[process], daemon=True).start()

    def end(self) -> None:
        """End the process before anybody has waited for it."""
        process, self._starting = self._starting, None
        if process is not None:
            # Closes its stdin, too.
            with process:
                process.kill()

    def _start(self) -> subprocess.Popen[bytes]:
        variables = {
            **environment.of_child(),
            # The dashboard's pages ask this URL for their data, not port 4200.
            "PREFECT_SERVER_UI_API_URL": self.api_url,
            "PREFECT_SERVER_UI_ENABLED": str(self._dashboard).lower(),
            "PREFECT__SERVER_FINAL": "1",
        }
        if not self._dashboard:
            # Nothing is scheduled in a server that ends with one command.
            variables["PREFECT__SERVER_EPHEMERAL"] = "1"
        return subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-m", "tasks.orchestration.server_process", str(self._port)],
            stdin=subprocess.PIPE,
            start_new_session=True,
            env=variables,
        )

    def _wait_until_healthy(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        # A process that has ended will never answer: no reason to wait for the deadline.
        while time.monotonic() < deadline and process.poll() is None:
            if _problem_of(self.api_url) is None:
                return
            time.sleep(POLL_SECONDS)
        process.kill()
        raise PixelgateError(
            "The Prefect server did not start. Its output is in the log file. To use a running"
            " server, set PREFECT_API_URL."
        )

    def _restart_for_ever(self, process: subprocess.Popen[bytes]) -> None:
        """Start the server again whenever it was ended; its database has every run so far."""
        with contextlib.suppress(PixelgateError):
            while True:
                process.wait()
                log.warning("the embedded Prefect server was ended; it is started again")
                process = self._start()
                self._wait_until_healthy(process)


def _named_server() -> str | None:
    """Return the address in PREFECT_API_URL, or in Prefect's profile.

    Raises:
        UsageError: it is none.
    """
    try:
        # Prefect reads its settings when it is imported.
        with collector_paused():
            from prefect.settings import PREFECT_API_URL

        named: str | None = PREFECT_API_URL.value()
    except ValueError as error:
        problem = str(error).splitlines()[1:2] or [str(error)]
        raise UsageError(
            f"Prefect's settings are wrong: {problem[0].strip()}. Correct PREFECT_API_URL, such as"
            " http://127.0.0.1:4200/api, and the other variables PREFECT_*."
        ) from None
    return named


def _require_answer(api_url: str) -> None:
    problem = _problem_of(api_url)
    if problem is not None:
        raise PixelgateError(
            f"The Prefect server at PREFECT_API_URL = {api_url} does not answer ({problem}). Start"
            " it, correct the variable, or unset it to use a server of Pixelgate's own."
        )


def _require_writable_home() -> None:
    """Check the folder of Prefect's database, without which its server hangs for minutes."""
    from prefect.settings import PREFECT_HOME

    home = PREFECT_HOME.value()
    try:
        try_to_write(home)
    except OSError as error:
        raise UsageError(
            f"Prefect can't write to its folder {home}: {error.strerror}. Set PREFECT_HOME to a"
            " folder of yours, or PREFECT_API_URL to a running server."
        ) from None


def _problem_of(api_url: str) -> str | None:
    """Return in a few words why a server can't be used; None if it can."""
    try:
        with urllib.request.urlopen(f"{api_url}/health", timeout=HEALTH_SECONDS):  # noqa: S310 - http(s), of the user or ours
            return None
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
