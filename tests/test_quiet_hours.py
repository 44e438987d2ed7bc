"""At night only what can't wait is sent; the rest comes in the morning, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tasks.config.alarm_settings import AlarmSettings
from tasks.monitoring.alarms import Alarm, Cause, Severity
from tasks.monitoring.outbox import Outbox
from tasks.monitoring.quiet_hours import quiet_until
from tasks.storage.home import Home
from tests.webhooks import webhook

if TYPE_CHECKING:
    from pathlib import Path

ALARM = Alarm(Cause.FAILED, "digits", Severity.WARNING, "Run r1 failed: x.", "Look.", "/runs/r1")
BERLIN = AlarmSettings(quiet_hours="22:00-07:00", timezone="Europe/Berlin")


def berlin(text: str, fold: int = 0) -> datetime:
    """Return the moment at which clocks in Berlin show a time."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN.zone, fold=fold)


def test_the_night_holds_back_what_is_not_critical(tmp_path: Path) -> None:
    """Over midnight: one message waits, one goes out, and one that ended is a single line."""
    home = Home("digits", tmp_path / "home")
    over = replace(ALARM, cause=Cause.LATE, sentence="Late since 23:00.")
    urgent = replace(ALARM, cause=Cause.PRODUCTION_UNKNOWN, severity=Severity.CRITICAL)
    outbox = Outbox(home)
    with webhook() as hook:
        settings = BERLIN.model_copy(update={"receivers": [hook.url]})

        def pass_time(until: str, *alarms: Alarm) -> list[str]:
            hook.received.clear()
            outbox.observe(alarms, berlin(until))
            outbox.deliver(settings, berlin(until))
            return hook.titles

        assert pass_time("2026-02-03 21:00") == []
        assert pass_time("2026-02-03 23:00", ALARM, over) == []
        assert pass_time("2026-02-04 02:00", ALARM, urgent) == [
            "[critical] digits: production unknown"
        ]
        assert pass_time("2026-02-04 06:59", ALARM, urgent) == []
        assert pass_time("2026-02-04 07:00", ALARM, urgent) == [
            "[warning] digits: failed",
            "[over] digits: late",
        ]
        bodies = {each["title"]: each["message"] for each in hook.received}
        assert bodies["[over] digits: late"] == (
            "From 2026-02-03 23:00 CET to 2026-02-04 02:00 CET: Late since 23:00."
        )
        assert pass_time("2026-02-04 08:00", ALARM, urgent) == []
        # An end waits for the morning too, and an alarm that becomes critical does not.
        assert pass_time("2026-02-04 22:30", urgent) == []
        assert pass_time("2026-02-04 23:00", urgent, over) == []
        critical = replace(over, severity=Severity.CRITICAL)
        assert pass_time("2026-02-04 23:30", urgent, critical) == ["[critical] digits: late"]
        assert pass_time("2026-02-05 07:00", urgent, critical) == ["[over] digits: failed"]


@pytest.mark.parametrize(
    ("hours", "begins", "ends"),
    [
        # An ordinary night has 9 hours.
        ("22:00-07:00", berlin("2026-02-03 22:00"), timedelta(hours=9)),
        ("01:00-05:30", berlin("2026-02-04 01:00"), timedelta(hours=4.5)),
        # Clocks are set forward from 2 to 3 on 29 March, and back from 3 to 2 on 25 October.
        ("22:00-07:00", berlin("2026-03-28 22:00"), timedelta(hours=8)),
        ("22:00-07:00", berlin("2026-10-24 22:00"), timedelta(hours=10)),
        # The end doesn't exist: it comes half an hour after 3; or it exists twice: the second ends.
        ("22:00-02:30", berlin("2026-03-28 22:00"), timedelta(hours=4.5)),
        ("22:00-02:30", berlin("2026-10-24 22:00"), timedelta(hours=5.5)),
        ("02:30-07:00", berlin("2026-10-25 02:30"), timedelta(hours=5.5)),
    ],
)
def test_a_night_is_one_span_whatever_the_clocks_do(
    hours: str, begins: datetime, ends: timedelta
) -> None:
    """Without a break, and with the length that people in the time zone live through."""
    settings = BERLIN.model_copy(update={"quiet_hours": hours})
    begin = begins.astimezone(UTC)
    minutes = [begin + timedelta(minutes=minute) for minute in range(-30, 13 * 60)]
    quiet = [moment for moment in minutes if quiet_until(settings, moment)]
    assert (quiet[0], quiet[-1]) == (begin, begin + ends - timedelta(minutes=1))
    assert len(quiet) == ends / timedelta(minutes=1)
    assert {quiet_until(settings, moment) for moment in quiet} == {begin + ends}


def test_without_quiet_hours_everything_is_sent() -> None:
    """At any time of the day."""
    assert quiet_until(AlarmSettings(), berlin("2026-02-04 03:00")) is None
