"""When a run is due, and whether one is late: read from the schedule, without asking Prefect."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tasks.config.installed_models import InstalledModel, checked_model, file_of, write_model
from tasks.errors import SettingsError
from tasks.monitoring.model_status import Health, status_of
from tasks.monitoring.run_calendar import next_due, overdue_since
from tasks.monitoring.run_list import list_runs
from tasks.outcome import Outcome
from tasks.storage.home import Home
from tests.run_records import write_promotion, write_run

if TYPE_CHECKING:
    from pathlib import Path


def model(**schedule: Any) -> InstalledModel:
    """Return a model with this schedule."""
    return checked_model({"name": "photos", "data": "photos", **schedule}, source="test")


def at(text: str) -> datetime:
    """Return a moment of UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "after", "due"),
    [
        ({"cron": "0 2 * * *"}, "2026-11-29T01:00", "2026-11-29T02:00"),
        ({"cron": "0 2 * * *"}, "2026-11-29T02:00", "2026-11-30T02:00"),
        ({"cron": "0 2 * * *", "timezone": "Asia/Tokyo"}, "2026-11-29T01:00", "2026-11-29T17:00"),
        # The night the clock is put forward has no half past two; the run is due all the same.
        (
            {"cron": "30 2 * * *", "timezone": "Europe/Berlin"},
            "2027-03-28T00:00",
            "2027-03-28T01:00",
        ),
        ({"cron": "0 6 * * 1"}, "2026-11-29T01:00", "2026-11-30T06:00"),
        ({"every": "90s"}, "2026-11-29T01:00:00", "2026-11-29T01:01:30"),
    ],
)
def test_the_next_run_is_due(schedule: dict[str, str], after: str, due: str) -> None:
    """By cron in its own time zone, or by an interval."""
    assert next_due(model(**schedule), at(after)) == at(due)


def test_a_model_that_only_watches_is_never_due() -> None:
    """It waits for files."""
    watching = model(watch=True)
    assert next_due(watching, at("2026-11-29T01:00")) is None
    assert overdue_since(watching, at("2020-01-01T00:00"), at("2026-11-29T01:00")) is None


@pytest.mark.parametrize(
    ("schedule", "now", "late"),
    [
        ({"cron": "0 2 * * *"}, "2026-11-29T02:09", None),
        ({"cron": "0 2 * * *"}, "2026-11-29T02:11", "2026-11-29T02:00"),
        # What runs every minute is late after three, and always after half a minute at least.
        ({"cron": "* * * * *"}, "2026-11-29T00:03", None),
        ({"cron": "* * * * *"}, "2026-11-29T00:05", "2026-11-29T00:01"),
        ({"every": "5s"}, "2026-11-29T00:00:30", None),
        ({"every": "6h"}, "2026-11-29T06:11", "2026-11-29T06:00"),
    ],
)
def test_a_run_is_late(schedule: dict[str, str], now: str, late: str | None) -> None:
    """Only after some grace: a run may wait for another one."""
    last = at("2026-11-29T00:00")
    expected = None if late is None else at(late)
    assert overdue_since(model(**schedule), last, at(now)) == expected


def installed_home(folder: Path, *, every: str, hours_ago: float) -> Home:
    """Install a model so long ago, with a champion and a run that ended just as long ago."""
    home = Home("photos", folder)
    file = write_model(home, model(every=every))
    then = datetime.now(UTC) - timedelta(hours=hours_ago)
    os.utime(file, (then.timestamp(), then.timestamp()))
    return home


def test_a_status_says_when_the_next_run_is_and_that_one_is_late(tmp_path: Path) -> None:
    """The desk and `pixelgate status` look at the calendar themselves."""
    home = installed_home(tmp_path, every="6h", hours_ago=2)
    run = write_run(home, Outcome.PROMOTED, hours_ago=2, model_version="1")
    write_promotion(home, "1", run)
    status = status_of(home, list_runs(home))
    assert (status.health, status.late) == (Health.HEALTHY, False)
    assert status.sentence.endswith("; next run in 4 h.")
    assert status.due is not None
    late = installed_home(tmp_path / "late", every="1h", hours_ago=5)
    run = write_run(late, Outcome.PROMOTED, hours_ago=5, model_version="1")
    write_promotion(late, "1", run)
    status = status_of(late, list_runs(late))
    assert (status.health, status.late) == (Health.ATTENTION, True)
    assert status.sentence.startswith("Late. A run was due 4 h ago and did not start")
    assert "`pixelgate up`" in status.action


def test_a_model_whose_file_is_wrong_is_not_late(tmp_path: Path) -> None:
    """What is wrong with it is said where it is read for its runs."""
    home = installed_home(tmp_path, every="1h", hours_ago=5)
    file_of(home).write_text("every = 3")
    assert not status_of(home, []).late


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"every": "99999999999999d"}, "every: 3650d are expected at most"),
        ({"every": "5000d"}, "every: 3650d are expected at most"),
        # Prefect reads the sixth field as seconds, the calendar the first one.
        ({"cron": "*/5 * * * * *"}, "cron: five fields"),
        ({"cron": "0 2 * * 5L"}, "cron: five fields .* without LW and 5L"),
        ({"cron": "0 2 LW * *"}, "cron: five fields .* without LW and 5L"),
        ({"cron": "0 2 * * *", "drill": "0 2 * * 5L"}, "drill: five fields"),
        ({"watch": True, "quiet_seconds": float("inf")}, "quiet_seconds: "),
        ({"cron": "0 2 * * *", "timezone": "CEST"}, "timezone: must be a name of the IANA"),
        ({"watch": True, "name": "a b"}, "name: letters of English, .* Received: 'a b'"),
        ({"watch": True, "name": "a" * 101}, "name: letters of English, .* 100 at most"),
    ],
)
def test_a_wrong_value_is_named(wrong: dict[str, Any], said: str) -> None:
    """With what is expected; none of them may end what looks after the other models."""
    with pytest.raises(SettingsError, match=said):
        model(**wrong)
