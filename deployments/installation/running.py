"""An installation goes in; it runs until it is interrupted, and nothing is left behind."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from deployments.installation.stopped_runs import note_stopped, runs_at_work
from deployments.installation.up_record import begin_record, is_up, note_group, write_record
from tasks.errors import PixelgateError, UsageError
from tasks.runtime.interruption import interrupted_once
from tasks.runtime.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployments.installation.installation_services import Installation
    from tasks.storage.home import Home


def run_installation(installation: Installation, announce: Callable[[str], None]) -> None:
    """Run every service until SIGINT or SIGTERM arrives as an exception.

    Args:
        installation: which services, and where.
        announce: called with what a person should know.

    Raises:
        UsageError: it runs already.
        PixelgateError: Prefect's server did not start.
    """
    home = installation.home
    require_down(home)
    begin_record(home)
    supervisor = Supervisor(
        home.services / "logs", on_start=lambda _name, group: note_group(home, group)
    )
    with interrupted_once():
        try:
            _start_all(installation, supervisor, announce)
            supervisor.watch(lambda: False)
        finally:
            announce("Stopping; a run in progress is resumed by the next `pixelgate up`.")
            at_work = runs_at_work(home)
            supervisor.stop()
            note_stopped(at_work)
            write_record(home, process=None, groups=[])


def require_down(home: Home) -> None:
    """Check that nothing runs for a home yet.

    Raises:
        UsageError: it runs already.
    """
    if is_up(home):
        raise UsageError(
            f"`pixelgate up` is running already for {home.root}. `pixelgate down` stops it."
        )


def _start_all(
    installation: Installation, supervisor: Supervisor, announce: Callable[[str], None]
) -> None:
    logs = installation.home.services / "logs"
    server = installation.prefect_server()
    if server is not None:
        announce("Starting Prefect's server ...")
        if not supervisor.start(server):
            raise PixelgateError(f"Prefect's server did not start. Its output is in {logs}.")
    # Before the worker, which would start every run that came due while nothing ran.
    deployed = subprocess.run(
        [sys.executable, "-m", "flows.cli", "deploy", "--skip-overdue"],
        env=installation.client_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    # What is wrong with one model is no reason not to run the others.
    if deployed.returncode:
        announce(deployed.stderr.strip())
    supervisor.start(installation.worker())
    supervisor.start(installation.mlflow_server())
    supervisor.start(installation.keeper())
    if not supervisor.start(installation.desk()):
        announce(f"The desk does not answer yet; its output is in {logs}.")
    addresses = {
        "desk": installation.desk_url,
        "prefect": installation.prefect_url,
        "mlflow": installation.mlflow_url,
    }
    write_record(installation.home, addresses=addresses)
    announce(f"desk:    {installation.desk_url}   <- open this")
    token = installation.home.services / "prefect-token"
    password = f"   (its password is pixelgate: and the text in {token})" if server else ""
    announce(f"prefect: {installation.prefect_url}{password}")
    announce(f"mlflow:  {installation.mlflow_url}")
    announce("Stop with Ctrl-C, or `pixelgate down` elsewhere.")
