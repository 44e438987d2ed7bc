"""`pixelgate up`: everything on one machine; no kill harms it, and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from urllib3.util import make_headers

from deployments.installation.up_record import is_up, read_record, write_record
from tasks.monitoring.run_list import list_runs
from tasks.monitoring.run_requests import request_run, waiting_requests
from tasks.outcome import Outcome
from tasks.runs.run_process import flow_run_of, is_worked_on
from tasks.runtime.process_identity import group_members, identity_of
from tasks.storage.home import Home
from tests.command_line import NO_EXPORTS, command_of
from tests.image_trees import ROOT, write_tree
from tests.prefect_server import ask_server
from tests.processes import free_ports, unmeasured, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tasks.runs.summary import RunSummary
    from tests.command_line import Command

SETTINGS = """
[training]
epochs = 1
[registry]
min_accuracy = 0.1
[evaluation]
corrupted_images = 0
"""


@dataclass
class Installed:
    """A home with one model, and the `up` that runs it.

    Attributes:
        folder: of data, settings and home.
        port: of the desk.
        is_measured: the coverage of its processes is, which slows the servers among them down.
    """

    folder: Path
    port: int
    is_measured: bool = False

    @property
    def other_ports(self) -> tuple[object, ...]:
        """The ports of Prefect and MLflow, as other tests use servers too."""
        prefect, mlflow = free_ports(2)
        return "--prefect-port", prefect, "--mlflow-port", mlflow

    @property
    def home(self) -> Home:
        """The home of the model."""
        return Home("photos", self.folder / "home")

    @property
    def env(self) -> dict[str, str]:
        """The environment of commands: no server is named."""
        named = {name: value for name, value in os.environ.items() if "PREFECT" not in name}
        home = {"PIXELGATE_HOME": str(self.home.root), "PYTHONPATH": str(ROOT)}
        env = {**named, **home, **NO_EXPORTS}
        return env if self.is_measured else unmeasured(env)

    def call(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Call a command."""
        return subprocess.run(
            command_of(*arguments),
            env=self.env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    @contextmanager
    def up(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run `up` until the block ends, and wait until its desk answers."""
        with (self.folder / "up.log").open("ab") as log:
            process = subprocess.Popen(
                command_of("up", "--port", self.port, *self.other_ports),
                env=self.env,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            wait_until(
                lambda: self.is_ready() or process.poll() is not None,
                seconds=300,
                what="up",
            )
            assert process.poll() is None, (self.folder / "up.log").read_text()
            yield process
        finally:
            process.terminate()
            process.wait(timeout=120)

    def is_ready(self) -> bool:
        """Return whether `up` has said where it is; the record of a killed one says it too."""
        return is_up(self.home) and "addresses" in read_record(self.home)

    def ask(self, path: str, **body: Any) -> Any:
        """Ask Prefect's API, with the token."""
        token = (self.home.services / "prefect-token").read_text().strip()
        url = f"{read_record(self.home)['addresses']['prefect']}/api{path}"
        headers = make_headers(basic_auth=f"pixelgate:{token}")
        if body:
            return ask_server("POST", url, headers=headers, json=body)
        return ask_server("GET", url, headers=headers)

    def newest(self) -> RunSummary | None:
        """Return the newest run."""
        return next(iter(list_runs(self.home)), None)

    def ended(self, outcome: Outcome) -> RunSummary | None:
        """Return the newest run if it ended so."""
        newest = self.newest()
        return newest if newest is not None and newest.outcome is outcome else None

    def processes(self) -> list[str]:
        """Return the command lines of all processes that belong to this home."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                environment = (folder / "environ").read_bytes()
                arguments = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if f"PIXELGATE_HOME={self.home.root}\0".encode() in environment and arguments:
                found.append(arguments.replace(b"\0", b" ").decode())
        return found


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Install one model, retrained once a year and whenever it is asked for."""
    folder = tmp_path_factory.mktemp("up")
    write_tree(folder / "photos", {"cat": 60, "dog": 60})
    (folder / "quick.toml").write_text(SETTINGS)
    installed = Installed(folder, free_ports(1)[0])
    added = installed.call(
        *("models", "add", "photos", "--data", "photos", "--config", "quick.toml"),
        *("--cron", "0 2 1 1 *", "--watch", "--quiet-seconds", "1"),
    )
    assert added.returncode == 0, added.stderr
    return installed


@pytest.mark.timeout(1500)
def test_runs_are_asked_for_killed_and_resumed(installed: Installed, browser: Browser) -> None:
    """All of it in one installation, as starting one takes a while."""
    with installed.up() as process:
        check_addresses(installed, browser)
        refused = installed.call("up", "--port", free_ports(1)[0])
        assert refused.returncode == 2
        assert "running already" in refused.stderr
        check_a_killed_run_is_resumed(installed)
        check_files_that_arrive_start_a_run(installed)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        wait_until(lambda: not installed.processes(), seconds=60, what="the end of what up ran")
        assert not is_up(installed.home)


def check_addresses(installed: Installed, browser: Browser) -> None:
    """The desk needs no account, Prefect asks for the token, and nobody else may read that."""
    addresses = read_record(installed.home)["addresses"]
    health = f"{addresses['desk']}/healthz"
    with urllib.request.urlopen(health, timeout=30) as answer:  # noqa: S310 - our own server
        assert answer.status == 200
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(  # noqa: S310 - our own server
            f"{addresses['prefect']}/api/flows/count", timeout=30
        )
    token = installed.home.services / "prefect-token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    page = browser.new_page()
    page.goto(addresses["prefect"])
    page.get_by_role("textbox").fill(f"pixelgate:{token.read_text().strip()}")
    page.keyboard.press("Enter")
    page.get_by_text("Flow Runs", exact=False).first.wait_for(timeout=60_000)
    assert "Can't connect" not in page.content()
    page.close()
    deployment = installed.ask("/deployments/name/retrain/photos")
    assert deployment["schedules"][0]["schedule"]["cron"] == "0 2 1 1 *"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        # Another site's form would be sent with the password that the browser knows.
        installed.ask("/flow_runs/filter", limit=50)


def check_a_killed_run_is_resumed(installed: Installed) -> None:
    """Worker and run die together: Prefect is told, and another run takes over."""
    request_run(installed.home, who="test", reason="first")
    wait_until(
        lambda: (newest := installed.newest()) and is_worked_on(newest.directory),
        seconds=240,
        what="the first run",
    )
    dead = installed.newest()
    assert dead is not None
    flow_run = flow_run_of(dead.directory)
    record = json.loads((dead.directory / "process.json").read_text())
    for pid in (int(record["process"].split(":")[2]), *worker_processes(installed)):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: installed.ended(Outcome.PROMOTED), seconds=300, what="the run after it")
    assert len(list_runs(installed.home)) == 2
    assert installed.ask(f"/flow_runs/{flow_run}")["state"]["type"] == "CRASHED"
    assert waiting_requests(installed.home) == []


def worker_processes(installed: Installed) -> list[int]:
    """Return the processes of Prefect's worker."""
    (group,) = {
        group
        for group, _ in read_record(installed.home)["groups"]
        if b"worker\0start" in Path(f"/proc/{group}/cmdline").read_bytes()
    }
    return [pid for pid in group_members(group) if pid != group]


def check_files_that_arrive_start_a_run(installed: Installed) -> None:
    """Once the folder is quiet."""
    before = len(list_runs(installed.home))
    write_tree(installed.folder / "photos", {"cat": 66, "dog": 66})
    wait_until(
        lambda: len(list_runs(installed.home)) > before and installed.newest(),
        seconds=240,
        what="the run of new files",
    )
    newest = installed.newest()
    wait_until(lambda: newest and not is_worked_on(newest.directory), seconds=240, what="its end")


def test_down_stops_what_was_started_elsewhere(installed: Installed) -> None:
    """And says so if there is nothing to stop."""
    installed = replace(installed, is_measured=True)
    with installed.up():
        status = installed.call("status")
        assert "up is running: " in status.stdout
        stopped = installed.call("down")
        assert (stopped.returncode, stopped.stderr.strip()) == (0, "Stopped.")
        assert installed.processes() == []
    assert "Nothing is running" in installed.call("down").stderr
    assert "`pixelgate up` is not running" in installed.call("status").stdout


def test_a_second_up_says_that_the_first_one_runs(pixelgate: Command, tmp_path: Path) -> None:
    """And not that its port is in use, which would lead to a second one on another port."""
    home = Home("pixelgate", tmp_path / "home")
    write_record(home, process=identity_of(os.getpid()))
    with socket.create_server(("127.0.0.1", 0)) as busy:
        ended = pixelgate("up", "--port", busy.getsockname()[1])
    assert ended.code == 2
    assert "`pixelgate up` is running already for" in ended.err
