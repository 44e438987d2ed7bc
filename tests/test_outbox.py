"""Each receiver is told once of an alarm and once of its end, whatever happens in between."""

from __future__ import annotations

import itertools
import logging
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tasks.config.alarm_settings import AlarmSettings
from tasks.errors import DamagedFileError, PixelgateError
from tasks.monitoring.alarm_store import open_alarms, undelivered
from tasks.monitoring.alarms import Alarm, Cause, Severity
from tasks.monitoring.outbox import Outbox
from tasks.storage.home import Home
from tests.home_paths import files_that_name
from tests.image_trees import ROOT
from tests.processes import wait_until
from tests.webhooks import SECRET, Webhook, webhook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
REJECTED = Alarm(
    Cause.DATA_REJECTED,
    "digits",
    Severity.WARNING,
    "Run r1 rejected the data: sizes.",
    "Open its report.",
    "/runs/r1",
)


@pytest.fixture
def hook() -> Iterator[Webhook]:
    """Return a webhook that is up."""
    with webhook() as up:
        yield up


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return an empty home."""
    return Home("digits", tmp_path / "home")


def after(minutes: float) -> datetime:
    """Return a moment after noon."""
    return NOON + timedelta(minutes=minutes)


def test_an_alarm_is_sent_once_and_its_end_once(hook: Webhook, home: Home) -> None:
    """However often it is observed, and by however many outboxes one after the other."""
    settings = AlarmSettings(receivers=[hook.url], desk_url="https://desk.example/", timezone="UTC")
    for minute in range(3):
        Outbox(home).observe([REJECTED], after(minute))
        Outbox(home).deliver(settings, after(minute))
    [sent] = hook.received
    assert sent["title"] == "[warning] digits: data rejected"
    assert sent["message"] == (
        "Run r1 rejected the data: sizes.\nOpen its report.\nhttps://desk.example/runs/r1\n"
        "Since 2026-03-03 12:00 UTC."
    )
    assert [(each.alarm, each.since) for each in open_alarms(home)] == [(REJECTED, NOON)]
    for minute in (20, 21):
        Outbox(home).observe([], after(minute))
        Outbox(home).deliver(settings, after(minute))
    assert hook.titles[1:] == ["[over] digits: data rejected"]
    assert (hook.received[1]["type"], open_alarms(home)) == ("success", [])


def test_a_receiver_that_is_down_is_told_later_and_the_others_at_once(
    hook: Webhook, home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """Again after pauses that double up to an hour; no log line holds the secret of a URL."""
    caplog.set_level(logging.DEBUG)
    with webhook() as other:
        settings = AlarmSettings(receivers=[hook.url, other.url])
        hook.stop()
        outbox = Outbox(home)
        outbox.observe([REJECTED], NOON)
        tries = [minute for minute in range(240) if tried(outbox, settings, minute, caplog)]
        assert len(other.received) == 1
        pauses = [after - before for before, after in itertools.pairwise(tries)]
        assert pauses == [1, 1, 2, 4, 8, 16, 32, 60, 60]
        assert undelivered(home) == 1
        hook.start()
        assert outbox.deliver(settings, after(300)) == 1
        assert (len(hook.received), len(other.received), undelivered(home)) == (1, 1, 0)
    assert "did not reach receiver 1 (json://...)" in caplog.text
    assert "Connection error" in caplog.text
    assert SECRET not in caplog.text
    assert SECRET.encode() not in home.alarms.read_bytes()


def tried(
    outbox: Outbox, settings: AlarmSettings, minute: int, caplog: pytest.LogCaptureFixture
) -> bool:
    """Deliver in some minute; return whether an attempt failed."""
    before = caplog.text.count("did not reach")
    outbox.deliver(settings, after(minute))
    return caplog.text.count("did not reach") > before


def test_what_is_three_days_old_is_given_up_and_counted(
    hook: Webhook, home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says so once; the count ends when the receiver accepts something again."""
    settings = AlarmSettings(receivers=[hook.url])
    hook.answer = 503
    outbox = Outbox(home)
    outbox.observe([REJECTED], NOON)
    for hours in (0, 40, 73, 74):
        outbox.deliver(settings, NOON + timedelta(hours=hours))
    assert caplog.text.count("undelivered after 3 days: receiver 1 (json://...)") == 1
    assert (len(hook.received), undelivered(home)) == (2, 1)
    hook.answer = 200
    outbox.deliver(settings, NOON + timedelta(hours=75))
    assert (len(hook.received), undelivered(home)) == (2, 1)
    outbox.observe([], NOON + timedelta(hours=76))
    outbox.deliver(settings, NOON + timedelta(hours=76))
    assert (len(hook.received), undelivered(home)) == (3, 0)


def test_a_kill_while_sending_costs_one_duplicate_at_most(hook: Webhook, home: Home) -> None:
    """The first message is accepted and not yet marked when the process dies by kill -9."""
    other = replace(REJECTED, model="clothes")
    outbox, settings = Outbox(home), AlarmSettings(receivers=[hook.url])
    outbox.observe([REJECTED, other], NOON)
    script = (
        "import sys; from pathlib import Path; from datetime import datetime\n"
        "from tasks.config.alarm_settings import AlarmSettings\n"
        "from tasks.monitoring.outbox import Outbox; from tasks.storage.home import Home\n"
        "Outbox(Home('digits', Path(sys.argv[1]))).deliver(\n"
        "    AlarmSettings(receivers=[sys.argv[2]]), datetime.fromisoformat(sys.argv[3]))\n"
    )
    hook.free.clear()
    process = subprocess.Popen(
        [sys.executable, "-c", script, home.root, hook.url, NOON.isoformat()], cwd=ROOT
    )
    wait_until(lambda: hook.received, seconds=60, what="the first message")
    # Meanwhile nobody else delivers.
    assert outbox.deliver(settings, NOON) == 0
    process.kill()
    process.wait(30)
    hook.free.set()
    for minute in range(1, 10):
        Outbox(home).deliver(settings, after(minute))
    assert sorted(hook.titles) == [
        "[warning] clothes: data rejected",
        "[warning] digits: data rejected",
        "[warning] digits: data rejected",
    ]


def test_an_alarm_that_comes_and_goes_is_no_flood(hook: Webhook, home: Home) -> None:
    """One that is back within a quarter of an hour is sent anew only if it then stays."""
    outbox, settings = Outbox(home), AlarmSettings(receivers=[hook.url])
    for minute in range(60):
        outbox.observe([REJECTED] if minute % 2 == 0 else [], after(minute))
        outbox.deliver(settings, after(minute))
    assert hook.titles == ["[warning] digits: data rejected", "[over] digits: data rejected"]
    for minute in range(60, 80):
        outbox.observe([REJECTED], after(minute))
        outbox.deliver(settings, after(minute))
    assert hook.titles[2:] == ["[warning] digits: data rejected"]
    outbox.observe([], after(80))
    outbox.deliver(settings, after(80))
    outbox.observe([REJECTED], after(100))
    outbox.deliver(settings, after(100))
    assert hook.titles[3:] == ["[over] digits: data rejected", "[warning] digits: data rejected"]


def test_an_end_before_the_message_makes_one_line_of_both(hook: Webhook, home: Home) -> None:
    """For a receiver that was down, too; a receiver that is new is not told what others know."""
    outbox = Outbox(home)
    hook.stop()
    outbox.observe([REJECTED], NOON)
    outbox.deliver(AlarmSettings(receivers=[hook.url]), NOON)
    outbox.observe([], after(5))
    hook.start()
    settings = AlarmSettings(receivers=[hook.url], timezone="Europe/Berlin")
    outbox.deliver(settings, after(6))
    [sent] = hook.received
    assert sent["message"] == (
        "From 2026-03-03 13:00 CET to 2026-03-03 13:05 CET: Run r1 rejected the data: sizes."
    )
    with webhook() as other:
        both = AlarmSettings(receivers=[hook.url, other.url])
        assert outbox.deliver(both, after(7)) == 0
        outbox.observe([replace(REJECTED, model="clothes")], after(8))
        assert outbox.deliver(both, after(8)) == 2
        # Of the one that was removed nothing is left to be counted.
        other.stop()
        outbox.observe([], after(9))
        outbox.deliver(both, after(9))
        assert undelivered(home) == 1
        outbox.deliver(settings, after(20))
        assert undelivered(home) == 0


def test_a_corrected_url_gets_what_the_wrong_one_did_not(hook: Webhook, home: Home) -> None:
    """The alarms that are open, and those whose end nobody was told."""
    outbox = Outbox(home)
    outbox.observe([REJECTED], NOON)
    outbox.deliver(AlarmSettings(receivers=["nonsense://nobody/x"]), NOON)
    outbox.observe([replace(REJECTED, model="clothes")], after(1))
    assert outbox.deliver(AlarmSettings(receivers=[hook.url]), after(2)) == 2
    assert sorted(hook.titles) == [
        "[over] digits: data rejected",
        "[warning] clothes: data rejected",
    ]


def test_an_alarm_says_what_is_the_case_when_it_is_sent(hook: Webhook, home: Home) -> None:
    """The database holds no path of the home, so that it can be moved."""
    outbox = Outbox(home)
    outbox.observe([replace(REJECTED, action=f"du -sh {home.root}")], NOON)
    assert files_that_name(home.root) == []
    assert open_alarms(home)[0].alarm.action == f"du -sh {home.root}"
    outbox.observe([replace(REJECTED, severity=Severity.CRITICAL, sentence="Worse.")], after(1))
    outbox.deliver(AlarmSettings(receivers=[hook.url]), after(1))
    assert hook.titles == ["[critical] digits: data rejected"]
    assert hook.received[0]["message"].startswith("Worse.")


def test_a_damaged_database_is_set_aside_and_alarms_go_on(
    hook: Webhook, home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever only reads says so; whoever writes begins a new one and keeps the old."""
    assert (open_alarms(home), undelivered(home)) == ([], 0)
    assert not home.root.exists()
    outbox = Outbox(home)
    outbox.observe([REJECTED], NOON)
    home.alarms.write_bytes(b"no database" * 1000)
    with pytest.raises(DamagedFileError, match=r"alarms\.db is damaged: file is not a database"):
        open_alarms(home)
    outbox.observe([REJECTED], after(1))
    assert outbox.deliver(AlarmSettings(receivers=[hook.url]), after(1)) == 1
    assert "was renamed to alarms-damaged-" in caplog.text
    assert len(list(home.state.glob("alarms-damaged-*.db"))) == 1


def test_what_can_not_be_marked_is_not_sent(hook: Webhook, home: Home) -> None:
    """Another process that keeps the database busy, or a full disk, must not make a flood."""
    outbox = Outbox(home)
    outbox.observe([REJECTED], NOON)
    database = sqlite3.connect(home.alarms, isolation_level=None)
    database.execute(
        "CREATE TRIGGER full BEFORE UPDATE ON deliveries BEGIN"
        " SELECT RAISE(ABORT, 'disk is full'); END"
    )
    database.close()
    with pytest.raises(PixelgateError, match=r"disk is full\. Make room on its disk"):
        outbox.deliver(AlarmSettings(receivers=[hook.url]), NOON)
    assert hook.received == []
