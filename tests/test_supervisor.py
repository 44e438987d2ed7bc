"""Services are kept running, and nothing of them is left behind, however their supervisor ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from tasks.runtime.process_identity import group_members, identity_of, is_alive
from tasks.runtime.supervisor import Service, Supervisor
from tests.image_trees import ROOT
from tests.processes import wait_until

if TYPE_CHECKING:
    from pathlib import Path

# Writes its number, starts a child that would outlive it, and waits.
SERVICE = """
import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with pathlib.Path(sys.argv[1]).open("a") as file:
    file.write(f"{os.getpid()} {child.pid}\\n")
time.sleep(float(sys.argv[2]))
"""
SUPERVISOR = """
import sys, time, os
from pathlib import Path
from tasks.runtime.supervisor import Service, Supervisor
folder = Path(sys.argv[1])
supervisor = Supervisor(folder / "logs")
supervisor.start(Service("one", [sys.executable, sys.argv[2], folder / "pids", "600"], os.environ))
supervisor.watch(lambda: False)
"""


def service(folder: Path, *, seconds: float) -> Service:
    """Return a service that runs for so long."""
    script = folder / "service.py"
    script.write_text(SERVICE)
    command = [sys.executable, str(script), str(folder / "pids"), str(seconds)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return Service("one", command, env, is_ready=(folder / "pids").exists)


def started(folder: Path) -> list[list[int]]:
    """Return the process and the child of each start."""
    file = folder / "pids"
    lines = file.read_text().splitlines() if file.exists() else []
    return [[int(word) for word in line.split()] for line in lines]


def test_what_ends_is_started_again_and_what_is_stopped_is_gone(tmp_path: Path) -> None:
    """With the children that it left behind, of each of its starts."""
    groups: list[int] = []
    supervisor = Supervisor(tmp_path / "logs", on_start=lambda _name, group: groups.append(group))
    assert supervisor.start(service(tmp_path, seconds=600), seconds=30)
    first, child = started(tmp_path)[0]
    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + 30
    supervisor.watch(lambda: len(started(tmp_path)) > 1 or time.monotonic() > deadline)
    assert identity_of(child) is not None
    supervisor.stop()
    pids = [pid for pair in started(tmp_path) for pid in pair]
    wait_until(lambda: not any(identity_of(pid) for pid in pids), seconds=10, what="the end of all")
    assert len(groups) == 2
    assert not any(group_members(group) for group in groups)


def test_children_that_must_not_stay_end_before_the_next_start(tmp_path: Path) -> None:
    """A server's workers would hold its port."""
    supervisor = Supervisor(tmp_path / "logs")
    server = replace(service(tmp_path, seconds=600), children_stay=False)
    assert supervisor.start(server, seconds=30)
    first, child = started(tmp_path)[0]
    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + 30
    supervisor.watch(lambda: len(started(tmp_path)) > 1 or time.monotonic() > deadline)
    assert len(started(tmp_path)) == 2
    wait_until(lambda: identity_of(child) is None, seconds=10, what="the end of the child")
    supervisor.stop()


def test_a_service_that_ends_at_once_is_started_ever_more_seldom(tmp_path: Path) -> None:
    """Its starts don't take the machine from the others."""
    supervisor = Supervisor(tmp_path / "logs")
    supervisor.start(service(tmp_path, seconds=0), seconds=30)
    end = time.monotonic() + 9
    while time.monotonic() < end:
        supervisor.look()
        time.sleep(0.05)
    supervisor.stop()
    # After 2, 4 and 8 seconds.
    assert 2 <= len(started(tmp_path)) <= 3


def test_a_killed_supervisor_leaves_nothing_behind(tmp_path: Path) -> None:
    """Not even what a service has started, as the pipe to the supervisor closes."""
    script = tmp_path / "service.py"
    script.write_text(SERVICE)
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(tmp_path), str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    wait_until(lambda: started(tmp_path), seconds=60, what="the service")
    supervisor.kill()
    supervisor.wait()
    pids = started(tmp_path)[0]
    wait_until(lambda: not any(identity_of(pid) for pid in pids), seconds=40, what="the end of all")


def test_a_process_is_told_from_a_later_one(tmp_path: Path) -> None:
    """By its start and the boot; one of another machine can't be told."""
    del tmp_path
    mine = identity_of(os.getpid())
    assert mine is not None
    assert is_alive(mine)
    assert is_alive(f"{mine.rpartition(':')[0]}:1") is False
    assert is_alive(f"elsewhere:{mine.partition(':')[2]}") is None
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert identity_of(ended.pid) is None
    assert is_alive("no identity at all") in (None, False)
