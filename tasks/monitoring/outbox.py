"""The outbox of alarms: what is the case goes in, and everybody who should know of it is told once.

`Outbox.observe` writes down which alarms come and go; `Outbox.deliver` sends what receivers don't
know yet. Both are called again and again, and survive the death of their process at any moment.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from filelock import Timeout

from tasks.monitoring.alarm_store import GONE, OPEN, alarm_in, writing
from tasks.monitoring.alarm_words import say_both, say_opened, say_recovered
from tasks.monitoring.alarms import Alarm, Severity
from tasks.monitoring.quiet_hours import quiet_until
from tasks.monitoring.receivers import receivers_of
from tasks.storage.locks import file_lock

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from tasks.config.alarm_settings import AlarmSettings
    from tasks.monitoring.receivers import Message, Receiver
    from tasks.storage.home import Home

FLAPPING_MINUTES = 15.0
FIRST_RETRY, LAST_RETRY = 30.0, 3600.0
GIVEN_UP = timedelta(days=3).total_seconds()
FORGOTTEN = timedelta(days=30).total_seconds()
# Every open alarm, and those that nobody was told the end of: a receiver that is new, or whose URL
# was corrected, is not told what others know is over.
ADDRESS = """
INSERT OR IGNORE INTO deliveries (episode, receiver)
SELECT id, ? FROM episodes AS e WHERE gone IS NULL OR (gone > ? AND NOT EXISTS (
    SELECT 1 FROM deliveries AS d WHERE d.episode = e.id AND d.told = 'gone'
))
"""
TO_TELL = """
SELECT e.*, d.receiver, d.told, d.attempts, d.due FROM deliveries AS d
JOIN episodes AS e ON e.id = d.episode
WHERE d.told != CASE WHEN e.gone IS NULL THEN 'open' ELSE 'gone' END
ORDER BY e.changed, e.id
"""

log = logging.getLogger("pixelgate.alarms")


class Outbox:
    """What is open, and who still has to be told.

    Args:
        home: of any model of its root.
        flapping_minutes: an alarm that comes again within so many minutes is the same one, and is
            sent anew only if it then stays for as long.
    """

    def __init__(self, home: Home, *, flapping_minutes: float = FLAPPING_MINUTES) -> None:
        self._home, self._flapping = home, flapping_minutes * 60

    def observe(self, alarms: Iterable[Alarm], now: datetime) -> None:
        """Write down which alarms there are: others that were open have gone.

        Args:
            alarms: all there are.
            now: with its time zone.

        Raises:
            PixelgateError: the database can't be written.
        """
        present = {(each.cause.value, each.model): each for each in alarms}
        at = now.timestamp()
        with writing(self._home) as database:
            rows = database.execute("SELECT * FROM episodes WHERE gone IS NULL").fetchall()
            known = {(row["cause"], row["model"]): row for row in rows}
            for key, alarm in present.items():
                if key not in known:
                    self._open(database, alarm, at)
                elif alarm_in(self._home, known[key]) != alarm:
                    self._write(database, known[key]["id"], alarm)
            for key in known.keys() - present.keys():
                database.execute(
                    "UPDATE episodes SET gone = ?, changed = ? WHERE id = ?",
                    (at, at, known[key]["id"]),
                )

    def deliver(self, settings: AlarmSettings, now: datetime) -> int:
        """Send each receiver what it doesn't know yet; return how many messages were accepted.

        What is not accepted is sent again later: after 30 seconds, then twice as long each time, up
        to an hour. After 3 days it is given up and counted as undelivered. In quiet hours only
        critical alarms are sent. If another process delivers at this moment, nothing is done.

        Args:
            settings: the receivers and the quiet hours.
            now: with its time zone.

        Raises:
            PixelgateError: the database can't be written; nothing is sent that can't be marked.
        """
        receivers = {each.key: each for each in receivers_of(settings)}
        is_quiet = quiet_until(settings, now) is not None
        accepted, failed = 0, set()
        with _alone(self._home) as is_alone:
            for item in self._to_tell(receivers, now.timestamp()) if is_alone else ():
                is_held = is_quiet and item.alarm.severity is not Severity.CRITICAL
                # One that is down is not asked again and again, each time until the timeout.
                if not is_held and item.receiver not in failed:
                    if self._send(item, receivers[item.receiver], settings, now.timestamp()):
                        accepted += 1
                    else:
                        failed.add(item.receiver)
        return accepted

    def _open(self, database: sqlite3.Connection, alarm: Alarm, at: float) -> None:
        recent = database.execute(
            "SELECT id FROM episodes WHERE cause = ? AND model = ? AND gone >= ?"
            " ORDER BY gone DESC LIMIT 1",
            (alarm.cause, alarm.model, at - self._flapping),
        ).fetchone()
        if recent is None:
            created = database.execute(
                "INSERT INTO episodes (cause, model, severity, sentence, action, page, opened,"
                " changed) VALUES (?, ?, '', '', '', '', ?, ?)",
                (alarm.cause, alarm.model, at, at),
            )
            episode = created.lastrowid
        else:
            episode = recent["id"]
            database.execute(
                "UPDATE episodes SET gone = NULL, changed = ? WHERE id = ?", (at, episode)
            )
        self._write(database, episode or 0, alarm)

    def _write(self, database: sqlite3.Connection, episode: int, alarm: Alarm) -> None:
        """Write what an open alarm says now; a message that waits says it too."""
        values = {**self._home.stored(asdict(alarm)), "id": episode}
        database.execute(
            "UPDATE episodes SET severity = :severity, sentence = :sentence, action = :action,"
            " page = :page WHERE id = :id",
            values,
        )

    def _to_tell(self, receivers: dict[str, Receiver], at: float) -> Sequence[_ToTell]:
        """Return what is due, the oldest first, after giving up what is too old."""
        with writing(self._home) as database:
            _forget(database, receivers, at)
            for key in receivers:
                database.execute(ADDRESS, (key, at - GIVEN_UP))
            due = []
            for row in database.execute(TO_TELL).fetchall():
                item = _ToTell.of(self._home, row)
                if item.is_flapping(at, self._flapping):
                    continue
                if at - row["changed"] > GIVEN_UP:
                    _give_up(database, item, receivers[item.receiver], at)
                # Later than the longest pause: the clock was set back.
                elif row["due"] <= at or row["due"] > at + LAST_RETRY:
                    due.append(item)
        return due

    def _send(self, item: _ToTell, receiver: Receiver, settings: AlarmSettings, at: float) -> bool:
        pause = min(LAST_RETRY, FIRST_RETRY * 2**item.attempts)
        # Before it is sent: what can't be marked would be sent again at each call.
        item.mark(self._home, "attempts = attempts + 1, due = ?", at + pause)
        problem = receiver.send(item.message(settings))
        if not problem:
            item.mark(self._home, "told = ?, told_at = ?, attempts = 0, due = 0", item.news, at)
            return True
        log.warning(
            "the alarm %s of %s did not reach receiver %s, and is sent again in %.0f s: %s",
            item.alarm.cause,
            item.alarm.model or "this machine",
            receiver.label,
            pause,
            problem,
        )
        return False


@dataclass(frozen=True)
class _ToTell:
    """What one receiver does not know yet of one episode."""

    episode: int
    receiver: str
    alarm: Alarm
    opened: float
    gone: float | None
    changed: float
    told: str
    attempts: int

    @classmethod
    def of(cls, home: Home, row: sqlite3.Row) -> _ToTell:
        names = ("receiver", "opened", "gone", "changed", "told", "attempts")
        values = {name: row[name] for name in names}
        return cls(episode=row["id"], alarm=alarm_in(home, row), **values)

    @property
    def news(self) -> str:
        """What the receiver knows once it was told."""
        return OPEN if self.gone is None else GONE

    def is_flapping(self, at: float, seconds: float) -> bool:
        """Return whether it came again just after its receiver was told that it had gone."""
        return self.told == GONE and 0 <= at - self.changed < seconds

    def message(self, settings: AlarmSettings) -> Message:
        if self.gone is None:
            return say_opened(self.alarm, self.opened, settings)
        if self.told == OPEN:
            return say_recovered(self.alarm, self.gone, settings)
        return say_both(self.alarm, self.opened, self.gone, settings)

    def mark(self, home: Home, changes: str, *values: object) -> None:
        with writing(home) as database:
            database.execute(
                f"UPDATE deliveries SET {changes} WHERE episode = ? AND receiver = ?",  # noqa: S608 - of this module
                (*values, self.episode, self.receiver),
            )


@contextlib.contextmanager
def _alone(home: Home) -> Iterator[bool]:
    """Yield whether this process is the only one that delivers."""
    lock = file_lock(home.alarms)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _forget(database: sqlite3.Connection, receivers: Iterable[str], at: float) -> None:
    """Remove what nobody will ask for: receivers who are gone, and what ended a month ago."""
    database.execute("DELETE FROM episodes WHERE gone < ?", (at - FORGOTTEN,))
    for row in database.execute("SELECT DISTINCT receiver FROM deliveries").fetchall():
        if row["receiver"] not in receivers:
            database.execute("DELETE FROM deliveries WHERE receiver = ?", (row["receiver"],))


def _give_up(database: sqlite3.Connection, item: _ToTell, receiver: Receiver, at: float) -> None:
    database.execute(
        "UPDATE deliveries SET told = ?, attempts = 0, due = 0, lost = lost + 1, lost_at = ?"
        " WHERE episode = ? AND receiver = ?",
        (item.news, at, item.episode, item.receiver),
    )
    log.error(
        "undelivered after 3 days: receiver %s was never told of the alarm %s of %s: %s",
        receiver.label,
        item.alarm.cause,
        item.alarm.model or "this machine",
        item.alarm.sentence,
    )
