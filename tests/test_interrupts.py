"""Real runs that are interrupted, and servers that are gone: nothing is left behind or hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.command_line import command_of
from tests.image_trees import ROOT
from tests.processes import free_ports, interruptible, processes_of, unmeasured, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.image_trees import Tree

# A limit for a machine that does much else; a quiet one needs a few seconds.
SECONDS_TO_END = 120.0


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a user without a Prefect server."""
    own = {"PIXELGATE_HOME": str(tmp_path / "home"), "PREFECT_HOME": str(tmp_path / "prefect")}
    inherited = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    return unmeasured({**inherited, **own, "PYTHONPATH": str(ROOT)})


@pytest.fixture
def slow_run(
    tmp_path: Path, image_tree: Tree, environment: dict[str, str], own_module: str
) -> Iterator[subprocess.Popen[str]]:
    """Start a retraining, in a group of its own as a terminal does, and wait for its training."""
    command = command_of(
        *("run", "--data", image_tree({"a": 60, "b": 60}), "--set", "training.epochs=40"),
        *("--set", f'training.callbacks=["{own_module}:Slow"]'),
    )
    paths = os.pathsep.join([str(ROOT), str(tmp_path)])
    with interruptible():
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": paths, "SECONDS_A_STEP": "0.3"},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    with process:
        assert process.stderr is not None
        for line in process.stderr:
            if "epoch 1/40" in line:
                break
        yield process
        process.kill()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_ends_soon_and_leaves_nothing(
    slow_run: subprocess.Popen[str], tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """Ctrl-C reaches the whole group, SIGTERM the command alone; the sentence is the same."""
    if number == signal.SIGINT:
        os.killpg(slow_run.pid, number)
    else:
        slow_run.send_signal(number)
    _, err = slow_run.communicate(timeout=SECONDS_TO_END)
    assert slow_run.returncode == code
    assert err.strip().splitlines()[-1] == "interrupted; run the same command to resume"
    assert "Traceback" not in err
    wait_until(lambda: not processes_of(tmp_path), seconds=SECONDS_TO_END, what="all to end")


BROKEN_LIBRARY = """
import os, signal, sys
from pathlib import Path
from flows.cli.screen import errors_as_messages, quiet
from tasks.errors import TrainingFailedError
from tasks.storage.home import Home

number = int(sys.argv[2])
failure = {"Error": RuntimeError, "Ours": TrainingFailedError}[sys.argv[3]]
with errors_as_messages(), quiet(Home("pixelgate", Path(sys.argv[1]))):
    try:
        os.kill(os.getpid(), number)
        sum(range(10**8))
    finally:
        raise failure("Task run is not set")
"""


@pytest.mark.parametrize("failure", ["Error", "Ours"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_that_breaks_a_library_is_an_interruption(
    tmp_path: Path, environment: dict[str, str], number: signal.Signals, code: int, failure: str
) -> None:
    """A library's clean-up that fails of it, as Prefect's did, does not hide what happened."""
    with interruptible():
        process, _ = ended(
            [sys.executable, "-c", BROKEN_LIBRARY, str(tmp_path / "home"), str(number), failure],
            environment,
            tmp_path,
        )
    assert process.returncode == code
    assert process.stderr == "interrupted; run the same command to resume\n"


def test_a_killed_run_leaves_no_process(slow_run: subprocess.Popen[str], tmp_path: Path) -> None:
    """Its server and its training end with it."""
    assert len(processes_of(tmp_path)) >= 3
    slow_run.kill()
    slow_run.communicate()
    wait_until(lambda: not processes_of(tmp_path), seconds=SECONDS_TO_END, what="all to end")


def test_a_server_that_dies_is_started_again(
    slow_run: subprocess.Popen[str], tmp_path: Path
) -> None:
    """The run goes on with a new one on the same port."""

    def server() -> int | None:
        for process in processes_of(tmp_path):
            command = Path(f"/proc/{process}/cmdline").read_bytes()
            if b"tasks.orchestration.server_process" in command:
                return process
        return None

    first = server()
    assert first is not None
    os.kill(first, signal.SIGKILL)
    second = wait_until(
        lambda: (found := server()) and found != first and found, seconds=120, what="a new server"
    )
    assert second != first
    assert slow_run.poll() is None


def ended(command: list[str], environment: dict[str, str], folder: Path) -> tuple[Any, float]:
    """Run a command; return how it ended and how long it took, seconds."""
    started = time.monotonic()
    process = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    return process, time.monotonic() - started


def test_a_server_that_does_not_answer_is_named(
    tmp_path: Path, image_tree: Tree, environment: dict[str, str]
) -> None:
    """The variable and the address, before a run is opened; a hang would end in a timeout."""
    url = f"http://127.0.0.1:{free_ports(1)[0]}/api"
    process, _ = ended(
        command_of("run", "--data", image_tree()), {**environment, "PREFECT_API_URL": url}, tmp_path
    )
    assert process.returncode == 1
    assert f"PREFECT_API_URL = {url} does not answer" in process.stderr
    assert not (tmp_path / "home/runs").exists()


def test_a_server_of_the_profile_is_used(
    tmp_path: Path, image_tree: Tree, environment: dict[str, str]
) -> None:
    """And one of our own, which is started before Prefect is imported, leaves nothing."""
    url = f"http://127.0.0.1:{free_ports(1)[0]}/api"
    (tmp_path / "prefect").mkdir()
    (tmp_path / "prefect/profiles.toml").write_text(
        f'active = "team"\n[profiles.team]\nPREFECT_API_URL = "{url}"\n'
    )
    process, _ = ended(command_of("run", "--data", image_tree()), environment, tmp_path)
    assert process.returncode == 1
    assert f"{url} does not answer" in process.stderr
    assert not (tmp_path / "prefect/prefect.db").exists()
    assert processes_of(tmp_path) == []


def test_a_server_that_is_not_wanted_ends_before_it_begins(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """It sees in the profile that another one is named: no database, nobody on the port."""
    (tmp_path / "prefect").mkdir()
    (tmp_path / "prefect/profiles.toml").write_text(
        'active = "team"\n[profiles.team]\nPREFECT_API_URL = "http://127.0.0.1:9/api"\n'
    )
    command = [sys.executable, "-m", "tasks.orchestration.server_process", str(free_ports(1)[0])]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE) as server:
        assert server.wait(timeout=120) == 0
    assert not (tmp_path / "prefect/prefect.db").exists()


def test_a_folder_prefect_cannot_write_is_named(
    tmp_path: Path, image_tree: Tree, environment: dict[str, str]
) -> None:
    """At once, where Prefect's own server hangs for minutes."""
    (tmp_path / "file").write_text("not a folder")
    prefect = str(tmp_path / "file/prefect")
    process, _ = ended(
        command_of("run", "--data", image_tree()),
        {**environment, "PREFECT_HOME": prefect},
        tmp_path,
    )
    assert process.returncode == 2
    assert "PREFECT_HOME" in process.stderr
    assert "Traceback" not in process.stderr
    wait_until(lambda: not processes_of(tmp_path), seconds=30, what="the end of the server")


def test_loopback_never_goes_through_a_proxy(
    tmp_path: Path, image_tree: Tree, environment: dict[str, str]
) -> None:
    """A proxy that leads nowhere changes nothing for a server of our own."""
    nowhere = f"http://127.0.0.1:{free_ports(1)[0]}"
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"), nowhere)
    process, _ = ended(
        command_of("run", "--data", image_tree({"a": 3, "b": 3})),
        {**environment, **proxies},
        tmp_path,
    )
    assert process.returncode == 3, process.stderr
    assert "class_size" in process.stderr
