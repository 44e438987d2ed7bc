"""A process is told from a later one with the same number, also after a restart of the machine."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

PROC = Path("/proc")


def identity_of(pid: int) -> str | None:
    """Return what is true of one process only: machine, boot, number and start.

    Returns:
        None if there is no such process.
    """
    try:
        # The name of the command may hold spaces and parentheses; the start is the 20th value
        # after it, in ticks since the boot.
        fields = (PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return _without_proc(pid)
    # A process that has ended and whose parent hasn't asked yet works on nothing.
    return None if fields[0] in "ZX" else f"{socket.gethostname()}:{boot}:{pid}:{fields[19]}"


def is_alive(identity: str) -> bool | None:
    """Return whether a process that `identity_of` named lives; None if another machine ran it."""
    host, _, rest = identity.partition(":")
    if host != socket.gethostname():
        return None
    with contextlib.suppress(IndexError, ValueError):
        return identity_of(int(rest.split(":")[1])) == identity
    return False


def _without_proc(pid: int) -> str | None:
    if PROC.is_dir() and (PROC / "self").exists():
        return None
    try:
        os.kill(pid, 0)
    except OSError:
        return None
    return f"{socket.gethostname()}:-:{pid}:-"


def group_members(group: int) -> list[int]:
    """Return the numbers of the living processes of a process group."""
    members = []
    for folder in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[2]) == group and fields[0] not in "ZX":
                members.append(int(folder.name))
    return members
