"""One real Prefect server for all tests, whatever process they run in.

Prefect's own `prefect_test_harness` serves one process and schedules nothing; these tests also
start workers, serving processes and commands, and wait for what the scheduler starts.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from typing import TYPE_CHECKING, Any

import urllib3
from filelock import FileLock
from urllib3.util import Retry

from tests.processes import free_ports, unmeasured, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # Look for work more often than the defaults, which suit schedules of hours.
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "2",
    "PREFECT_RUNNER_POLL_FREQUENCY": "1",
    "PREFECT_WORKER_QUERY_SECONDS": "1",
}

# While another client writes, a server on SQLite answers 503 (its own client asks again, too).
BUSY_DATABASE = Retry(
    total=8, backoff_factor=0.5, backoff_max=10, status_forcelist={503}, allowed_methods=None
)


def ask_server(method: str, url: str, **request: Any) -> Any:
    """Return what a server answers; ask again while its database is busy.

    Raises:
        urllib.error.HTTPError: it refuses.
    """
    answer = urllib3.request(method, url, timeout=30, retries=BUSY_DATABASE, **request)
    if answer.status >= 400:
        raise urllib.error.HTTPError(url, answer.status, answer.reason or "", Message(), None)
    return answer.json() if answer.data else None


@dataclass(frozen=True)
class PrefectServer:
    """A running Prefect server.

    Attributes:
        url: of its API.
        env: the environment of a process that uses it.
    """

    url: str
    env: dict[str, str]

    def ask(self, path: str, **body: Any) -> Any:
        """Post to the server's API and return the answer."""
        return ask_server("POST", f"{self.url}{path}", json=body)


@contextlib.contextmanager
def shared_server(folder: Path) -> Iterator[PrefectServer]:
    """Use the server of a folder: the first user starts it, the last one stops it.

    Args:
        folder: shared by all test processes; also the server's PREFECT_HOME.
    """
    with FileLock(folder / "server.lock"):
        record = _read(folder) or start_server(folder)
        _write(folder, record | {"users": record["users"] + 1})
    url = f"http://127.0.0.1:{record['port']}/api"
    try:
        yield PrefectServer(url, {**_environment(folder), "PREFECT_API_URL": url})
    finally:
        with FileLock(folder / "server.lock"):
            record = _read(folder)
            _write(folder, record | {"users": record["users"] - 1})
            if record["users"] == 1:
                os.kill(record["pid"], signal.SIGTERM)
                (folder / "server.json").unlink()


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, **SETTINGS, "PREFECT_HOME": str(folder)}


def start_server(folder: Path) -> dict[str, int]:
    """Start a server; return its port, its process and how many use it."""
    (port,) = free_ports(1)
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)],
            env=unmeasured(_environment(folder)),
            stdout=log,
            stderr=log,
        )
    health = f"http://127.0.0.1:{port}/api/health"
    wait_until(lambda: _answers(health), seconds=180, what="the Prefect server")
    return {"port": port, "pid": server.pid, "users": 0}


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own server
            return bool(answer.status == 200)
    except OSError:
        return False


def _read(folder: Path) -> dict[str, int]:
    file = folder / "server.json"
    record: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
    return record


def _write(folder: Path, record: dict[str, int]) -> None:
    (folder / "server.json").write_text(json.dumps(record))
