"""The SQLite database of alarms: since when each is open, and what each receiver knows of it.

An episode is an alarm from its coming to its going. A delivery says what one receiver was told of
one episode last; what is still to be told follows from comparing the two.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tasks.errors import DamagedFileError, PixelgateError
from tasks.monitoring.alarms import Alarm, Cause, Severity
from tasks.storage.locks import file_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.storage.home import Home

SCHEMA = """
CREATE TABLE IF NOT EXISTS episodes (
    id INTEGER PRIMARY KEY,
    cause TEXT NOT NULL, model TEXT NOT NULL, severity TEXT NOT NULL,
    sentence TEXT NOT NULL, action TEXT NOT NULL, page TEXT NOT NULL,
    opened REAL NOT NULL, gone REAL, changed REAL NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS one_is_open ON episodes (cause, model) WHERE gone IS NULL;
CREATE TABLE IF NOT EXISTS deliveries (
    episode INTEGER NOT NULL REFERENCES episodes (id) ON DELETE CASCADE,
    receiver TEXT NOT NULL,
    told TEXT NOT NULL DEFAULT 'nothing', told_at REAL,
    attempts INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL DEFAULT 0,
    lost INTEGER NOT NULL DEFAULT 0, lost_at REAL,
    PRIMARY KEY (episode, receiver)
);
"""
# What a receiver was told last, beside "nothing".
OPEN, GONE = "open", "gone"
BUSY_SECONDS = 10.0
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
# Failed at least once, or given up since the receiver last accepted anything.
UNDELIVERED = """
SELECT count(*) FROM deliveries AS d JOIN episodes AS e ON e.id = d.episode
WHERE (d.attempts > 0 AND d.told != CASE WHEN e.gone IS NULL THEN 'open' ELSE 'gone' END)
OR (d.lost > 0 AND NOT EXISTS (
    SELECT 1 FROM deliveries AS l WHERE l.receiver = d.receiver AND l.told_at > d.lost_at
))
"""

log = logging.getLogger("pixelgate.alarms")


@dataclass(frozen=True)
class OpenAlarm:
    """An alarm that is open.

    Attributes:
        alarm: what is the case.
        since: when it came, UTC; None if it was never recorded.
    """

    alarm: Alarm
    since: datetime | None


def open_alarms(home: Home) -> list[OpenAlarm]:
    """Return the alarms that were open when they were last looked for, the oldest first.

    Raises:
        DamagedFileError: the database can't be read.
    """
    rows = _ask(home, "SELECT * FROM episodes WHERE gone IS NULL ORDER BY opened, id")
    return [
        OpenAlarm(alarm_in(home, row), datetime.fromtimestamp(row["opened"], UTC)) for row in rows
    ]


def undelivered(home: Home) -> int:
    """Return how many messages failed to reach a receiver, and were not delivered since.

    Raises:
        DamagedFileError: the database can't be read.
    """
    return sum(row[0] for row in _ask(home, UNDELIVERED))


@contextlib.contextmanager
def writing(home: Home) -> Iterator[sqlite3.Connection]:
    """Open the database for one transaction, which a kill leaves whole or undone.

    A damaged database is set aside and a new one begun: alarms that are open are sent once more.

    Raises:
        PixelgateError: it can't be written, as on a full disk.
    """
    try:
        with contextlib.closing(_connect(home)) as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")
    except (sqlite3.Error, OSError) as error:
        raise PixelgateError(
            f"Alarms can't be kept in {home.alarms}: {error}. Make room on its disk, and let its"
            " folder be written."
        ) from error


def alarm_in(home: Home, row: sqlite3.Row) -> Alarm:
    """Return the alarm of an episode, with the paths of this home."""
    text = {name: home.shown(row[name]) for name in ("model", "sentence", "action", "page")}
    return Alarm(cause=Cause(row["cause"]), severity=Severity(row["severity"]), **text)


def _connect(home: Home) -> sqlite3.Connection:
    home.alarms.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _opened(home)
    except sqlite3.DatabaseError as error:
        if _code(error) not in DAMAGED:
            raise
    with file_lock(home.alarms.with_name("alarms-damage")):
        try:
            # Another process may have set it aside meanwhile.
            return _opened(home)
        except sqlite3.DatabaseError as error:
            if _code(error) not in DAMAGED:
                raise
            aside = home.alarms.with_name(f"alarms-damaged-{datetime.now(UTC):%Y%m%d-%H%M%S}.db")
            home.alarms.rename(aside)
            log.error("%s is damaged and was renamed to %s", home.alarms, aside.name)  # noqa: TRY400 - the reason is enough
        return _opened(home)


def _opened(home: Home) -> sqlite3.Connection:
    database = sqlite3.connect(home.alarms, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        database.row_factory = sqlite3.Row
        _check(database)
        database.execute("PRAGMA foreign_keys = ON")
        database.executescript(SCHEMA)
    except BaseException:
        database.close()
        raise
    return database


def _check(database: sqlite3.Connection) -> None:
    """Read all of it, which is little; a damage that only a later query would meet is found now."""
    (answer,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if answer != "ok":
        damage = sqlite3.DatabaseError(answer)
        damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise damage


def _ask(home: Home, question: str) -> list[Any]:
    """Return the answer to a question; nothing if there is no database yet."""
    if not home.alarms.exists():
        return []
    try:
        # Not read-only: what a killed writer left unfinished is undone by whoever reads next.
        address = f"{home.alarms.absolute().as_uri()}?mode=rw"
        with contextlib.closing(
            sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS)
        ) as database:
            database.row_factory = sqlite3.Row
            return database.execute(question).fetchall()
    except sqlite3.DatabaseError as error:
        if "no such table" in str(error):
            # At this moment it is being made.
            return []
        remedy = "It is set aside when alarms are looked for next."
        raise DamagedFileError(home.alarms, str(error), remedy) from None


def _code(error: sqlite3.DatabaseError) -> int:
    # The lowest byte; the others say more about the same code.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
