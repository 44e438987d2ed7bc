"""Each cause of an alarm, from the folders that real runs leave."""

from __future__ import annotations

import os
import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tasks.config.alarm_settings import AlarmSettings
from tasks.config.installed_models import checked_model, write_model
from tasks.drill.kept_drill import keep_drill
from tasks.errors import INTERRUPTED
from tasks.monitoring.alarms import Alarm, Cause, Severity, find_alarms
from tasks.monitoring.model_status import model_statuses
from tasks.monitoring.run_list import list_runs
from tasks.outcome import Outcome
from tasks.storage.home import Home
from tests.image_trees import ROOT
from tests.run_records import write_promotion, write_run

if TYPE_CHECKING:
    from pathlib import Path

ROOMY = AlarmSettings(disk_low_gib=0)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return a home whose model has a version in production."""
    home = Home("digits", tmp_path / "home")
    run_id = write_run(home, Outcome.PROMOTED, hours_ago=30, model_version="14")
    write_promotion(home, "14", run_id)
    return home


def alarms_of(
    home: Home,
    settings: AlarmSettings = ROOMY,
    *,
    days_later: float = 0,
) -> list[Alarm]:
    """Return the alarms of a home, as they would be some days later."""
    now = datetime.now(UTC) + timedelta(days=days_later)
    statuses = model_statuses(home, list_runs(home))
    return find_alarms(home, statuses, settings, now=now)


def only_alarm(home: Home, settings: AlarmSettings = ROOMY) -> Alarm:
    """Return the alarm of a home that has exactly one."""
    [alarm] = alarms_of(home, settings)
    return alarm


def test_a_healthy_model_is_no_alarm(home: Home) -> None:
    """Nor is a home in which nothing ran."""
    assert alarms_of(home) == []
    assert alarms_of(Home("digits", home.root / "nothing" / "here")) == []


@pytest.mark.parametrize(
    ("outcome", "cause", "words"),
    [
        (Outcome.DATA_REJECTED, Cause.DATA_REJECTED, "rejected the data"),
        (Outcome.MODEL_REJECTED, Cause.MODEL_REJECTED, "rejected its model"),
        (Outcome.FAILED, Cause.FAILED, "failed"),
    ],
)
def test_a_bad_last_run_is_an_alarm_until_the_next_good_one(
    home: Home, outcome: Outcome, cause: Cause, words: str
) -> None:
    """It names the run, its reason and its page."""
    run_id = write_run(home, outcome, number=2, message="the reason\nmore of it")
    assert only_alarm(home) == Alarm(
        cause,
        "digits",
        Severity.WARNING,
        f"Run {run_id} {words}: the reason.",
        "Open its report, which names the remedy.",
        f"/runs/{run_id}",
    )
    write_run(home, Outcome.UNCHANGED, number=3)
    assert alarms_of(home) == []


def test_run_after_run_that_fails_is_critical(home: Home) -> None:
    """One alarm of the cause, which is about the last of them."""
    runs = [write_run(home, Outcome.FAILED, number=number) for number in (2, 3, 4)]
    alarm = only_alarm(home)
    assert (alarm.severity, alarm.page) == (Severity.CRITICAL, f"/runs/{runs[-1]}")


def test_a_run_whose_process_died_is_an_alarm(home: Home) -> None:
    """One that is at work is not."""
    run_id = write_run(home, Outcome.UNFINISHED, number=2)
    assert alarms_of(home) == []
    folder = home.runs / run_id
    for file in (*folder.iterdir(), folder):
        os.utime(file, (time.time() - 600, time.time() - 600))
    alarm = only_alarm(home)
    assert (alarm.cause, alarm.page) == (Cause.CRASHED, f"/runs/{run_id}")
    assert alarm.action == "Run again, which resumes: pixelgate run --data DIR --name digits"


def test_an_interrupted_run_is_an_alarm_only_if_the_next_ones_are_too(home: Home) -> None:
    """The next run resumes it; after three in a row a person must look."""
    for number in (2, 3):
        write_run(home, Outcome.FAILED, number=number, message=INTERRUPTED)
        assert alarms_of(home) == []
    run_id = write_run(home, Outcome.FAILED, number=4, message=INTERRUPTED)
    alarm = only_alarm(home)
    assert (alarm.cause, alarm.page) == (Cause.FAILED, f"/runs/{run_id}")


def test_a_late_model_is_an_alarm(home: Home) -> None:
    """Its schedule is read, no Prefect is asked."""
    model = checked_model({"name": "digits", "data": "digits", "every": "6h"}, source="test")
    file = write_model(home, model)
    os.utime(file, (time.time() - 10**6, time.time() - 10**6))
    [alarm] = alarms_of(home)
    assert alarm.cause is Cause.LATE
    assert re.fullmatch(r"A run was due at .* UTC and did not start\.", alarm.sentence)
    assert (alarm.page, alarm.model) == ("/models/digits", "digits")
    # Not a command that names a folder alone: its settings are in its file.
    assert alarm.action == "Start it now: press Run now on its page at the desk (/models/digits)"


def test_a_model_without_an_accepted_run_for_days_is_an_alarm(home: Home) -> None:
    """However many runs were rejected or failed since, and whether or not one was accepted ever."""
    assert alarms_of(home, days_later=5) == []
    [alarm] = alarms_of(home, days_later=6)
    began = datetime.now(UTC) - timedelta(hours=30, minutes=2)
    assert alarm.cause is Cause.NO_ACCEPTED_RUN
    assert alarm.sentence.endswith(f"than 7 days; the last one was on {began:%Y-%m-%d}.")
    # More failures than a status shows, each half an hour after the one before.
    for number in range(2, 40):
        write_run(home, Outcome.FAILED, number=number, hours_ago=30 - number / 2)
    for days, causes in ((5.7, {Cause.FAILED}), (5.8, {Cause.FAILED, Cause.NO_ACCEPTED_RUN})):
        assert {each.cause for each in alarms_of(home, days_later=days)} == causes
    other = home.renamed("clothes")
    write_run(other, Outcome.DATA_REJECTED, number=50, hours_ago=100)
    named = {(each.cause, each.model): each for each in alarms_of(home, days_later=4)}
    alarm = named[Cause.NO_ACCEPTED_RUN, "clothes"]
    assert alarm.sentence == "No run was accepted for more than 7 days."
    # Nothing of it is in production, so that this can't wait for the morning.
    assert named[Cause.DATA_REJECTED, "clothes"].severity is Severity.CRITICAL


def test_an_old_version_in_production_is_an_alarm(home: Home) -> None:
    """Not an urgent one."""
    settings = ROOMY.model_copy(update={"no_accepted_run_days": 1000})
    assert alarms_of(home, settings, days_later=89) == []
    [alarm] = alarms_of(home, settings, days_later=91)
    assert (alarm.cause, alarm.severity) == (Cause.OLD_CHAMPION, Severity.INFO)
    assert "Version 14 is in production since" in alarm.sentence


def test_a_version_that_waits_is_an_alarm_until_it_is_decided(home: Home) -> None:
    """Its page is that of the run that made it."""
    run_id = write_run(home, Outcome.AWAITING_APPROVAL, number=2, model_version="15")
    alarm = only_alarm(home)
    assert (alarm.cause, alarm.page) == (Cause.WAITING_FOR_APPROVAL, f"/runs/{run_id}")
    assert alarm.action == 'Approve it: pixelgate promote 15 --reason "..." --name digits'
    write_promotion(home, "15", run_id)
    assert alarms_of(home) == []


def test_a_changed_ledger_is_critical(home: Home) -> None:
    """What is in production can't be told."""
    ledger = home.ledger()
    ledger.write_text(ledger.read_text("utf-8").replace('"14"', '"13"'), "utf-8")
    alarm = only_alarm(home)
    assert (alarm.cause, alarm.severity) == (Cause.PRODUCTION_UNKNOWN, Severity.CRITICAL)
    assert alarm.action == "Put the ledger back: pixelgate restore ARCHIVE"


def test_a_drill_that_found_a_hole_is_an_alarm_until_one_finds_none(home: Home) -> None:
    """A file that is torn says nothing."""
    keep_drill(home, ["leakage missed a training image in test", "sizes missed a strip"])
    alarm = only_alarm(home)
    assert alarm.cause is Cause.DRILL_FAILED
    assert "leakage missed a training image in test; sizes missed a strip." in alarm.sentence
    assert "pixelgate drill DIR --name digits" in alarm.action
    keep_drill(home, [])
    assert alarms_of(home) == []
    home.last_drill.write_text("{", "utf-8")
    assert alarms_of(home) == []


def test_a_full_disk_is_one_alarm_for_all_models(home: Home) -> None:
    """Critical, as the next run may fail by it."""
    write_promotion(home.renamed("clothes"), "1", "r")
    alarm = only_alarm(home, AlarmSettings(disk_low_gib=1e6))
    assert (alarm.cause, alarm.model, alarm.page) == (Cause.DISK_LOW, "", "/")
    assert alarm.severity is Severity.CRITICAL
    assert f"du -sh {home.root}/*" in alarm.action


def test_every_cause_has_a_section_for_3_am() -> None:
    """In docs/operations.md, with one command; and no section is about a cause that is gone."""
    page = (ROOT / "docs/operations.md").read_text("utf-8")
    chapter = page.split("## What to do at 3 a.m.\n")[1].split("\n## ")[0]
    sections = dict(re.findall(r"### `(\w+)`\n(.+?)(?=\n### |\Z)", chapter, re.DOTALL))
    assert set(sections) == {cause.value for cause in Cause}
    for cause, text in sections.items():
        assert len(re.findall(r"^    \S.*$|^```\n[^\n]+\n```$", text, re.MULTILINE)) == 1, cause
