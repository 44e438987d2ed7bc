"""A full disk has words and the right exit code, whatever it is that can't be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.command_line import command_of
from tests.image_trees import ROOT
from tests.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.command_line import CommandProcess
    from tests.image_trees import Tree

# A log file that is full from the first byte on, and libraries that print all the same.
FULL_LOG = """
import logging, os, sys
from pathlib import Path
from flows.cli import screen
from tasks.errors import DataRejectedError
from tasks.storage.home import Home

class FullHome(Home):
    log_file = property(lambda self: Path("/dev/full"))

with screen.errors_as_messages(), screen.quiet(FullHome("m", Path(sys.argv[2]))):
    print("a library's own words")
    sys.stderr.buffer.write(b"and more of them")
    try:
        1 / 0
    except ZeroDivisionError:
        logging.getLogger("pixelgate").exception("the report could not be written")
    {"fault": lambda: {}["no such key"], "full": lambda: open("/dev/full", "w").write("x" * 99999),
     "rejected": lambda: (_ for _ in ()).throw(DataRejectedError("2 rules failed")),
     "well": lambda: None}[sys.argv[1]]()
print("the result")
"""


def end_with_full_log(how: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a command whose log file has no room, and that ends in one way or another."""
    return subprocess.run(
        [sys.executable, "-c", FULL_LOG, how, str(home)],
        # Buffered: what the library printed fails when it is flushed.
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("how", "code", "last", "out"),
    [
        ("fault", 1, "Error: KeyError: 'no such key'", ""),
        ("full", 1, "Error: OSError: [Errno 28] No space left on device", ""),
        ("rejected", 3, "Error: 2 rules failed", ""),
        ("well", 0, "", "the result\n"),
    ],
)
def test_the_last_words_do_not_depend_on_the_log_file(
    tmp_path: Path, how: str, code: int, last: str, out: str
) -> None:
    """Our lines and nothing else on the screen, only the result on stdout, and the exit code."""
    ended = end_with_full_log(how, tmp_path)
    assert (ended.returncode, ended.stdout) == (code, out), ended.stderr
    shown = ended.stderr.splitlines()
    assert shown[0][10:] == "the report could not be written: ZeroDivisionError: division by zero"
    assert shown[1:2] == [line for line in [last] if line]
    assert "Traceback" not in ended.stderr
    assert "Logging error" not in ended.stderr
    if how == "full":
        assert shown[2] == f"Free space on the disk of {tmp_path}, and run the same command again."


def test_a_result_that_cannot_be_written_is_exit_1(pixelgate_process: CommandProcess) -> None:
    """The shell's `> file` on a full disk; Python alone would say nothing and exit with 120."""
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            command_of("config"),
            env=pixelgate_process.environment(flow=False),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr == "Error: OSError: [Errno 28] No space left on device\n"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 1 MB, where the system permits it."""
    folder = tmp_path / "home"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a disk")
    yield folder
    # Busy as long as a process of the command lives, which must not be long.
    unmount = ["umount", str(folder)]
    wait_until(
        lambda: not subprocess.run(unmount, capture_output=True, check=False).returncode,
        seconds=60,
        what="the disk to be unmounted",
    )


@pytest.mark.parametrize("free", [0, 4096, 100_000, 400_000])
def test_a_disk_that_is_nearly_full(
    pixelgate_process: CommandProcess, image_tree: Tree, small_disk: Path, free: int
) -> None:
    """The gate on a real disk with so many bytes left: one of our errors, and no traceback."""
    disk = os.statvfs(small_disk)
    (small_disk / "others").write_bytes(bytes(disk.f_bavail * disk.f_frsize - free))
    ended = pixelgate_process("gate", image_tree())
    assert ended.code == 1
    assert ended.out == ""
    assert "Error: " in ended.err
    assert "No space left on device" in ended.err
    assert "Traceback" not in ended.err
