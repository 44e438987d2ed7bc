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
    from collections.abc import Iterator, Mapping

USER = "pixelgate"


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs; None if it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@contextlib.contextmanager
def postgres(password: str | None = None) -> Iterator[str]:
    """Start a server with an empty database; yield its URI, without the password.

    Args:
        password: of the user; None asks nobody for one.
    """
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
        access = ["-A", "trust"]
        if password is not None:
            (root / "password").write_text(password)
            access = ["-A", "scram-sha-256", "--pwfile", str(root / "password")]
        _run(folder / "initdb", "-D", data, "-U", USER, *access, "-N")
        _run(folder / "pg_ctl", "-D", data, "-o", options, "-l", root / "log", "-w", "start")
        yield f"postgresql://{USER}@127.0.0.1:{port}/postgres"
        _run(folder / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(root, ignore_errors=True)


def run_sql(uri: str, *options: str, env: Mapping[str, str]) -> str:
    """Return what psql answers, a row a line, its columns divided by `|`.

    Raises:
        subprocess.CalledProcessError: a statement failed, or the connection.
    """
    folder = programs()
    assert folder is not None
    command = [folder / "psql", uri, "--no-psqlrc", "--no-password", "--tuples-only", "--no-align"]
    ended = subprocess.run(
        [*map(str, command), "--set", "ON_ERROR_STOP=1", *options],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **env},
    )
    return ended.stdout.strip()


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
