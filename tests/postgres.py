"""A real PostgreSQL for as long as a test needs it, from Debian's package."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = "pixelgate"


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs; None if it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Start a server with an empty database; yield its URI."""
    folder = programs()
    assert folder is not None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Not pytest's own folder: PostgreSQL refuses to run as root, and others can't enter that.
    root = Path(tempfile.mkdtemp(prefix="pixelgate-postgres-"))
    data = root / "data"
    # Nothing here outlives the test, so nothing must reach the disk.
    options = f"-p {port} -k {root} -c listen_addresses=127.0.0.1 -c fsync=off"
    try:
        if os.geteuid() == 0:
            os.chown(root, pwd.getpwnam("postgres").pw_uid, -1)
        _run(folder / "initdb", "-D", data, "-U", USER, "-A", "trust", "-N")
        _run(folder / "pg_ctl", "-D", data, "-o", options, "-l", root / "log", "-w", "start")
        yield f"postgresql://{USER}@127.0.0.1:{port}/postgres"
        _run(folder / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _run(*command: object) -> None:
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    prefix = as_user if os.geteuid() == 0 else []
    subprocess.run(
        [*prefix, *map(str, command)],
        check=True,
        stdin=subprocess.DEVNULL,
        # A file, as the server keeps what it inherits open, and a pipe would never end.
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
    )
