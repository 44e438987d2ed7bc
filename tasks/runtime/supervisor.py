"""Services go in; each is kept running, in a process group that ends with this process."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

# Between two starts of a service that ends at once; doubled each time, up to the longest.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
# A service that ran for so long is started at once when it ends.
STEADY_SECONDS = 60.0
# What a group has to end by itself: a training saves its state.
STOP_SECONDS = 25.0
POLL_SECONDS = 0.5

log = logging.getLogger("pixelgate")


@dataclass(frozen=True)
class Service:
    """A command that is to run for as long as its supervisor does.

    Attributes:
        name: in messages, and of its log file.
        command: program and arguments.
        env: its environment.
        is_ready: called until it returns true, before the next service is started.
        children_stay: whether its children go on when it is started again, as runs at work do.
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    is_ready: Callable[[], bool] | None = None
    children_stay: bool = True


@dataclass
class _Running:
    service: Service
    process: subprocess.Popen[bytes]
    started: float
    pause: float = FIRST_PAUSE
    due: float | None = None


@dataclass
class Supervisor:
    """Starts services in their order, starts each again when it ends, and stops all.

    Attributes:
        logs: folder that gets a log file for each service.
        on_start: called with a service's name and the id of its process group.
    """

    logs: Path
    on_start: Callable[[str, int], None] = lambda _name, _group: None
    _running: list[_Running] = field(default_factory=list)
    _groups: list[int] = field(default_factory=list)

    def start(self, service: Service, *, seconds: float = 240.0) -> bool:
        """Start a service and wait until it is ready.

        Returns:
            Whether it is; one that isn't is kept running all the same.
        """
        process = self._spawn(service)
        running = _Running(service, process, time.monotonic())
        self._running.append(running)
        deadline = time.monotonic() + seconds
        while service.is_ready is not None and not service.is_ready():
            self.look()
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def watch(self, is_over: Callable[[], bool]) -> None:
        """Keep the services running until it is over."""
        while not is_over():
            self.look()
            time.sleep(POLL_SECONDS)

    def look(self) -> None:
        """Start what has ended, after a pause that grows while it ends at once."""
        now = time.monotonic()
        for each in self._running:
            code = each.process.poll()
            if code is None:
                continue
            if each.due is None:
                steady = now - each.started > STEADY_SECONDS
                each.pause = FIRST_PAUSE if steady else min(2 * each.pause, LONGEST_PAUSE)
                each.due = now if steady else now + each.pause
                log.warning("%s ended (code %d); it is started again", each.service.name, code)
            if now >= each.due:
                _close(each.process)
                if not each.service.children_stay:
                    end_group(each.process.pid, seconds=1)
                each.process, each.started, each.due = self._spawn(each.service), now, None

    def stop(self) -> None:
        """End all services, the last one first, and whatever they left behind."""
        for each in reversed(self._running):
            end_group(each.process.pid)
            with contextlib.suppress(subprocess.TimeoutExpired):
                each.process.wait(timeout=1)
            _close(each.process)
        for group in self._groups:
            end_group(group, seconds=1)
        self._running.clear()

    def _spawn(self, service: Service) -> subprocess.Popen[bytes]:
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / f"{service.name}.log").open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - our own commands
                [sys.executable, "-m", "tasks.runtime.leash", *service.command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=dict(service.env),
                start_new_session=True,
            )
        self._groups.append(process.pid)
        self.on_start(service.name, process.pid)
        return process


def _close(process: subprocess.Popen[bytes]) -> None:
    """Close our end of a leash."""
    if process.stdin is not None:
        process.stdin.close()


def end_group(group: int, *, seconds: float = STOP_SECONDS) -> None:
    """End all processes of a group: gently, and by force what is left after some time."""
    deadline = time.monotonic() + seconds
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGTERM)
        while time.monotonic() < deadline and _others(group):
            time.sleep(0.1)
        os.killpg(group, signal.SIGKILL)


def _others(group: int) -> bool:
    """Return whether a group has more than its leash, which waits for the others."""
    from tasks.runtime.process_identity import group_members

    return any(pid != group for pid in group_members(group))
