"""Waiting for other processes, finding their children, and what they leave when killed."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from tasks.runs.result_store import ABANDONED_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Result = TypeVar("Result")


def wait_until(
    condition: Callable[[], Result], *, seconds: float, what: str, every: float = 0.1
) -> Result:
    """Return the first true answer of a condition; a generous limit, as machines differ."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        time.sleep(every)
    pytest.fail(f"waited {seconds:.0f} s for {what}")


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let processes started meanwhile hear Ctrl-C, as a terminal does.

    A shell starts what runs in the background deaf to it, and so do the tests it runs.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def training_children(process: int) -> list[int]:
    """Return the ids of the training processes whose parent is exactly this process."""
    children = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue  # it ended meanwhile
        if parent == process and b"tasks.training.worker" in command:
            children.append(int(folder.name))
    return children


def processes_of(folder: Path) -> list[int]:
    """Return the processes whose environment names a folder; children inherit it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes()
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue  # it ended meanwhile
        if os.fsencode(str(folder)) in environment and state != "Z":
            found.append(int(entry.name))
    return found


def resident_mib() -> float:
    """Return the memory this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def children_running(text: bytes) -> list[int]:
    """Return the processes this one has started whose command line holds a text."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue  # it ended meanwhile
        if parent == os.getpid() and text in command:
            found.append(int(entry.name))
    return found


def free_ports(count: int) -> list[int]:
    """Return ports nobody listens on."""
    with contextlib.ExitStack() as opened:
        sockets = [opened.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


@contextlib.contextmanager
def running(command: list[str], log: Path, env: Mapping[str, str], cwd: Path) -> Iterator[None]:
    """Keep a process, and the ones it starts, for the time of a block."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, env=env, cwd=cwd, stdout=out, stderr=out, start_new_session=True
        )
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def unmeasured(env: Mapping[str, str]) -> dict[str, str]:
    """Return an environment whose processes are not measured by coverage.

    Measured, the libraries that a process imports take twice as long. For processes whose lines
    other tests measure too, and for those that run no line of ours.
    """
    return {name: value for name, value in env.items() if not name.startswith("COV")}


def leave_half_written(folder: Path, file: str) -> None:
    """Leave what two processes were writing: one killed days ago, one still at work."""
    for name, age in ((".1234abcd.killed", 2 * ABANDONED_SECONDS), (".1234abcd.running", 0.0)):
        (folder / name).mkdir(parents=True)
        (folder / name / file).write_bytes(b"some")
        for entry in (folder / name / file, folder / name):
            os.utime(entry, times=(entry.stat().st_atime - age, entry.stat().st_mtime - age))
