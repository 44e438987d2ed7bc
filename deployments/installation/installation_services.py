"""A home and ports go in; the commands that an installation runs come out."""

from __future__ import annotations

import base64
import os
import socket
import sys
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployments.installation.secret_files import secret_in
from tasks.runtime.supervisor import Service

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.storage.home import Home

HOST = "127.0.0.1"
USER = "pixelgate"
POOL = "pixelgate"
NAMED_SERVER = "PREFECT_API_URL"


@dataclass(frozen=True)
class Ports:
    """Where the services listen on this machine.

    Attributes:
        desk: the address to open.
        prefect: Prefect's server and pages.
        mlflow: MLflow's server and pages.
    """

    desk: int
    prefect: int
    mlflow: int


@dataclass(frozen=True)
class Installation:
    """The services of one home on one machine.

    Attributes:
        home: of any model.
        ports: where they listen.
        parallel_runs: how many runs of different models may be at work at once.
    """

    home: Home
    ports: Ports
    parallel_runs: int

    @property
    def prefect_url(self) -> str:
        """The address of Prefect's pages: of our server, or of the one that is named."""
        named = os.environ.get(NAMED_SERVER)
        return named.removesuffix("/api") if named else f"http://{HOST}:{self.ports.prefect}"

    @property
    def mlflow_url(self) -> str:
        """The address of MLflow's pages."""
        return f"http://{HOST}:{self.ports.mlflow}"

    @property
    def desk_url(self) -> str:
        """The address to open."""
        return f"http://{HOST}:{self.ports.desk}"

    def client_environment(self) -> dict[str, str]:
        """Return the environment of what talks to Prefect."""
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "PIXELGATE_HOME": str(self.home.root),
            # Everything in one folder, which can be copied and removed as a whole.
            "PREFECT_HOME": str(self.home.services / "prefect"),
            "PREFECT_UI_URL": self.prefect_url,
        }
        if NAMED_SERVER in os.environ:
            return environment
        token = secret_in(self.home.services / "prefect-token")
        ours = {
            NAMED_SERVER: f"{self.prefect_url}/api",
            "PREFECT_API_AUTH_STRING": f"{USER}:{token}",
        }
        return environment | ours

    def prefect_server(self) -> Service | None:
        """Return Prefect's server, which schedules; None where PREFECT_API_URL names another."""
        if NAMED_SERVER in os.environ:
            return None
        environment = self.client_environment()
        return Service(
            "prefect",
            (*_python("prefect", "server", "start"), "--host", HOST, *_port(self.ports.prefect)),
            environment
            | {
                "PREFECT_SERVER_API_AUTH_STRING": environment["PREFECT_API_AUTH_STRING"],
                "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "true",
                # Without it the pages ask port 4200, whatever the port is.
                "PREFECT_SERVER_UI_API_URL": f"{self.prefect_url}/api",
            },
            # With the password: another server that took the port meanwhile is not ours.
            is_ready=_answers(
                f"{self.prefect_url}/api/admin/version", environment["PREFECT_API_AUTH_STRING"]
            ),
        )

    def mlflow_server(self) -> Service:
        """Return MLflow's server over the embedded store."""
        store = ("--backend-store-uri", f"sqlite:///{self.home.database}")
        artifacts = ("--artifacts-destination", str(self.home.artifacts))
        server = _python("mlflow", "server")
        return Service(
            "mlflow",
            (*server, "--host", HOST, *_port(self.ports.mlflow), *store, *artifacts, "--workers=1"),
            dict(os.environ),
            # Its workers would keep the port and be joined by others at each start.
            children_stay=False,
        )

    def worker(self) -> Service:
        """Return the worker that runs the flows, each in a process of its own."""
        limit = ("--limit", str(self.parallel_runs))
        start = _python("prefect", "worker", "start", "--pool", POOL, "--type", "process")
        return Service("worker", (*start, *limit), self.client_environment())

    def desk(self) -> Service:
        """Return the desk."""
        return Service(
            "desk",
            (*_python("flows.cli", "desk", "--host", HOST), *_port(self.ports.desk)),
            self.client_environment() | {"MLFLOW_UI_URL": self.mlflow_url},
            is_ready=_answers(f"{self.desk_url}/healthz"),
        )

    def keeper(self) -> Service:
        """Return the process that starts what was asked for, and finds what died."""
        return Service("keeper", _python("flows.cli", "keep"), self.client_environment())


def free_port(wanted: int) -> int:
    """Return a port that is free: the wanted one, or else any."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            # As the servers do: a port whose last connections are closing is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise AssertionError("unreachable: port 0 is always free")


def _python(*arguments: str) -> tuple[str, ...]:
    return sys.executable, "-m", *arguments


def _port(port: int) -> tuple[str, str]:
    return "--port", str(port)


def _answers(url: str, password: str = "") -> Callable[[], bool]:
    encoded = base64.b64encode(password.encode()).decode()
    headers = {"Authorization": f"Basic {encoded}"} if password else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - of this machine

    def ask() -> bool:
        try:
            with urllib.request.urlopen(request, timeout=2) as answer:  # noqa: S310 - as above
                return bool(answer.status == 200)  # noqa: PLR2004 - OK
        except OSError:
            return False

    return ask
