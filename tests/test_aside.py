"""Calls beside this process: real ones, that answer, fail, and die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from operator import concat
from typing import TYPE_CHECKING

import pytest

from tasks.runtime.aside import call_aside, call_in_thread
from tasks.runtime.parallel import map_chunks, start_pool_early
from tasks.runtime.reader_process import end_idle, start_early
from tests.image_trees import ROOT
from tests.processes import children_running, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def no_process_left() -> Iterator[None]:
    """End the processes of a test, as a command does."""
    yield
    end_idle()


def pid_and(value: int) -> tuple[int, int]:
    """Return where it is called, and a value."""
    return os.getpid(), value


def pid_and_first(_: str, files: list[int]) -> tuple[int, int]:
    """Return where it is called, and the first file."""
    return pid_and(files[0])


def modules_of() -> tuple[int, set[str]]:
    """Return where it is called, and what is imported there."""
    return os.getpid(), set(sys.modules)


def refuse() -> None:
    """Fail."""
    raise ValueError("not this one")


def die_outside_of(pid: int) -> int:
    """End a process by force, unless it is a certain one."""
    if os.getpid() != pid:
        os.kill(os.getpid(), signal.SIGKILL)
    return pid


def test_a_call_is_made_in_another_process_that_is_kept() -> None:
    """Two calls at once have a process each; the next one gets one of them."""
    first, second = call_aside(pid_and, 1), call_aside(pid_and, 2)
    (one, a), (two, b) = first(), second()
    assert (a, b) == (1, 2)
    assert len({one, two, os.getpid()}) == 3
    assert call_aside(pid_and, 3)()[0] in {one, two}


def test_a_process_that_was_started_early_is_used() -> None:
    """It has imported by then what was asked for; to start it twice starts one."""
    start_early("wave")
    start_early("wave")
    pid, modules = call_aside(modules_of)()
    assert pid != os.getpid()
    assert "wave" in modules
    assert call_aside(modules_of)()[0] == pid
    assert children_running(b"LokyProcess") == [pid]


def test_what_a_call_raises_is_raised() -> None:
    """By the one who waits for it."""
    with pytest.raises(ValueError, match="not this one"):
        call_aside(refuse)()


def test_the_call_of_a_process_that_died_is_made_here() -> None:
    """And the next call has a process again."""
    assert call_aside(die_outside_of, os.getpid())() == os.getpid()
    assert call_aside(pid_and, 4)()[0] != os.getpid()


def test_a_pool_that_was_started_early_reads_the_files() -> None:
    """By the time that it is given files it has imported what was asked for."""
    end_idle()
    start_pool_early("wave", workers=2)
    early = set(children_running(b"LokyProcess"))
    assert len(early) == 2
    calls = [("", [number]) for number in range(20)]
    read = map_chunks(pid_and_first, calls, total=5_000, workers=2, lost=lambda file, _: (0, file))
    found = list(read)
    assert [number for _, number in found] == list(range(20))
    assert {pid for pid, _ in found} <= early


def test_a_pool_that_dies_while_it_waits_is_started_again() -> None:
    """As when memory runs out before the first file is read; a wrong module is no fault either."""
    end_idle()
    for module in ("wave", "no_such_module"):
        start_pool_early(module, workers=2)
        for child in children_running(b"LokyProcess"):
            os.kill(child, signal.SIGKILL)
        calls = [([number], [number]) for number in range(4)]
        parts = map_chunks(concat, calls, total=5_000, workers=2, lost=lambda file, _: [file])
        assert [part[0] for part in parts] == list(range(4))


LEFT = """
import sys, time
from tasks.runtime.aside import call_in_thread
from tasks.runtime.parallel import start_pool_early

start_pool_early("wave", workers=2)
call_in_thread(lambda: time.sleep(600))
sys.exit(3)
"""


def test_what_nobody_waits_for_holds_up_no_end() -> None:
    """A pool without files, as the folder was refused, and a thread: the end is quiet and soon."""
    ended = subprocess.run(
        [sys.executable, "-c", LEFT], cwd=ROOT, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "", "")


def test_a_call_in_a_thread_returns_or_raises() -> None:
    """To the one who waits."""
    assert call_in_thread(lambda: 7)() == 7
    with pytest.raises(ValueError, match="not this one"):
        call_in_thread(refuse)()


def test_the_processes_of_a_pool_end_when_they_are_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their memory is the training's then; the next call starts others."""
    monkeypatch.setattr("tasks.runtime.reader_process.IDLE_SECONDS", 2)
    end_idle()
    for _ in range(2):
        calls = [([number], [number]) for number in range(20)]
        parts = map_chunks(concat, calls, total=5_000, workers=2, lost=lambda file, _: [file])
        assert [part[0] for part in parts] == list(range(20))
        wait_until(
            lambda: not children_running(b"LokyProcess"), seconds=60, what="the end of the pool"
        )
