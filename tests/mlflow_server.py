"""A real MLflow server for as long as a test needs it, on PostgreSQL where that is installed."""

from __future__ import annotations

import contextlib
import os
import sys
import urllib.request
from typing import TYPE_CHECKING

from tests.postgres import postgres, programs
from tests.processes import free_ports, running, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """Start a server that keeps its artifacts in a folder; yield its address."""
    with contextlib.ExitStack() as stack:
        database = f"sqlite:///{folder}/server.db"
        if programs() is not None:
            database = stack.enter_context(postgres())
        (port,) = free_ports(1)
        command = [
            *(sys.executable, "-m", "mlflow", "server", "--backend-store-uri", database),
            *("--artifacts-destination", str(folder / "artifacts"), "--workers", "1"),
            *("--host", "127.0.0.1", "--port", str(port)),
        ]
        env = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        stack.enter_context(running(command, folder / "server.log", env, folder))
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: _answers(address), seconds=180, what="the MLflow server")
        yield address


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=5) as response:  # noqa: S310 - ours
            return bool(response.status == 200)
    except OSError:
        return False
