"""The time zone of a schedule: this machine's by default, else one that exists."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from flows.cli.schedule import check_schedule, describe_schedule
from tasks.config.data import DataConfig
from tasks.errors import SettingsError
from tasks.runtime.time_zone import choose_time_zone
from tests.image_trees import ROOT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("zone", "code", "words"),
    [
        ("America/New_York", 0, "America/New_York\n"),
        (":Asia/Tokyo", 0, "Asia/Tokyo\n"),
        ("CET-1CEST", 1, "This machine's time zone has no name"),
        ("No/Where", 1, "Give one with --timezone"),
    ],
)
def test_the_local_time_zone_is_the_one_of_the_environment(
    zone: str, code: int, words: str
) -> None:
    """A TZ that is no name is not taken for UTC."""
    ended = subprocess.run(
        [sys.executable, "-c", "from tasks.runtime.time_zone import *; print(local_time_zone())"],
        cwd=ROOT,
        env={"TZ": zone, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, words in ended.stdout + ended.stderr) == (code, True), ended


@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC", "US/Pacific", " Asia/Kolkata "])
def test_a_zone_of_the_database_is_taken(zone: str) -> None:
    """By its name, without regard to spaces around it."""
    assert choose_time_zone(zone) == zone.strip()


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("europe/berlin", "did you mean Europe/Berlin"),
        ("Berlin", "did you mean Europe/Berlin"),
        ("new york", "did you mean America/New_York"),
        ("localtime", "IANA"),
        ("+02:00", "IANA"),
        ("/etc/localtime", "IANA"),
        ("../UTC", "IANA"),
    ],
)
def test_another_name_is_refused(zone: str, words: str) -> None:
    """With the name that may be meant."""
    with pytest.raises(SettingsError, match=words):
        choose_time_zone(zone)


def test_a_schedule_carries_its_time_zone(tmp_path: Path) -> None:
    """Prefect gets the zone, and the log says it."""
    data = DataConfig(directory=tmp_path)
    schedule = check_schedule(data, cron="0 2 * * *", every=None, time_zone="Asia/Tokyo")
    assert schedule["schedule"].timezone == "Asia/Tokyo"
    assert describe_schedule(schedule) == 'by cron "0 2 * * *", time zone Asia/Tokyo'
    local = check_schedule(data, cron="0 2 * * *", every=None)
    assert local["schedule"].timezone == choose_time_zone(None)
    assert describe_schedule(check_schedule(data, cron=None, every="6h")) == "every 6:00:00"
