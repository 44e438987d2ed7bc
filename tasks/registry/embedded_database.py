"""The embedded store's SQLite database: created whole, and checked before it is opened.

MLflow migrates a new database in many steps; a process killed in between leaves one that never
opens again, and two processes that start together get in each other's way. So a database is created
under a lock and another name, and renamed when it is complete.
"""

from __future__ import annotations

import logging
import sqlite3
import uuid
from contextlib import closing, suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from filelock import FileLock

from tasks.errors import PixelgateError
from tasks.outcome import Outcome
from tasks.runs.run_folder import SUMMARY
from tasks.storage.atomic import read_json, sync

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.storage.home import Home

REMEDY = (
    "Put back a copy with `pixelgate restore ARCHIVE`. To begin again without the models that were"
    " registered, move the folder state/ away."
)

log = logging.getLogger("pixelgate")


def database_uri(database: Path) -> str:
    """Return SQLAlchemy's URI of a database, whatever characters its path holds."""
    # As a URI of SQLite's own, which can escape `?`, `%` and `#`. With the driver named, MLflow
    # doesn't take it for a path and create a folder called `file:`.
    return f"sqlite+pysqlite:///file:{quote(str(database.absolute()))}?uri=true"


def ensure_database(home: Home) -> None:
    """Create the database if there is none; check it if there is.

    Raises:
        PixelgateError: it is damaged, or it vanished although runs tell of a champion.
    """
    home.state.mkdir(parents=True, exist_ok=True)
    if not home.database.exists():
        with FileLock(home.database.with_suffix(".lock")):
            # Another process may have created it while this one waited.
            if not home.database.exists():
                require_no_history(home)
                _create(home.database)
    _require_sound(home.database)


def require_no_history(home: Home) -> None:
    """Check that no run of this model tells of a champion that the store doesn't know.

    Raises:
        PixelgateError: naming the database, the run and the version.
    """
    for file in sorted(home.runs.glob(f"*/{SUMMARY}"), reverse=True):
        with suppress(PixelgateError, OSError, ValueError, AttributeError):
            summary = read_json(file)
            if summary["name"] == home.name and summary["outcome"] == Outcome.PROMOTED:
                break
    else:
        return
    raise PixelgateError(
        f"Run {file.parent.name} made version {summary['model_version']} of {home.name} champion,"
        f" but the store {home.database} has no champion: the file was removed, emptied or"
        f" replaced. {REMEDY}"
    )


def _create(database: Path) -> None:
    for left in database.parent.glob(f".*.{database.name}*"):
        # Of a process that was killed; nobody else writes here while the lock is held.
        left.unlink(missing_ok=True)
    unfinished = database.with_name(f".{uuid.uuid4().hex[:8]}.{database.name}")
    _migrate(unfinished)
    with closing(sqlite3.connect(unfinished)) as connection:
        # Readers don't wait for writers, and a commit costs one flush.
        connection.execute("PRAGMA journal_mode = WAL")
        # MLflow gives its default experiment a folder in the working directory.
        connection.execute("UPDATE experiments SET artifact_location = 'mlflow-artifacts:/0'")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    sync(unfinished)
    unfinished.rename(database)
    sync(database.parent)


def _migrate(database: Path) -> None:
    """Have MLflow create its tables, in a store of its own that is closed again."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    # The artifact root is not used: every experiment is given a location of its own.
    store = SqlAlchemyStore(database_uri(database), "mlflow-artifacts:/")  # type: ignore[no-untyped-call]  # MLflow's constructor has no types
    store.engine.dispose()


def _require_sound(database: Path) -> None:
    """Check that a file is a whole SQLite database.

    Raises:
        PixelgateError: it is empty, torn or something else.
    """
    problem = _problem_of(database)
    if problem is not None:
        raise PixelgateError(f"The store {database} is damaged: {problem}. {REMEDY}")


def _problem_of(database: Path) -> str | None:
    # Never opened but by SQLite: closing a file frees all locks this process has on it, and another
    # process would take the log of writes away from connections that are open here.
    if not database.stat().st_size:
        return "it is empty (0 bytes)"
    try:
        with closing(sqlite3.connect(database)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        is_other = error.sqlite_errorcode == sqlite3.SQLITE_NOTADB
        return "it is not an SQLite database" if is_other else str(error)
    return None if found == "ok" else found.splitlines()[-1]
