"""`pixelgate alarms` and its settings, as an operator meets them."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from deployments.desk.prometheus import render_metrics
from tasks.config.alarm_settings import AlarmSettings, load_alarm_settings
from tasks.config.installed_models import checked_model, write_model
from tasks.errors import SettingsError
from tasks.monitoring.alarms import Alarm, Cause, Severity
from tasks.monitoring.outbox import Outbox
from tasks.outcome import Outcome
from tasks.storage.home import Home
from tests.image_trees import ROOT
from tests.run_records import write_promotion, write_run
from tests.webhooks import SECRET, webhook

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command_line import Command

NAMES = "PIXELGATE_ALARMS_RECEIVERS"
LATE = Alarm(Cause.LATE, "digits", Severity.WARNING, "No run since 2.", "Run.", "/models/digits")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return the home of the commands of a test."""
    return Home("digits", tmp_path / "home")


def write_settings(home: Home, text: str) -> None:
    """Write alarms.toml."""
    home.root.mkdir(exist_ok=True)
    home.alarm_settings.write_text(text, "utf-8")


def test_open_alarms_are_a_table_or_json(pixelgate: Command, home: Home) -> None:
    """Looked for at this moment, with the time since when they are known."""
    run_id = write_run(home, Outcome.PROMOTED, number=1, hours_ago=10, model_version="1")
    write_promotion(home, "1", run_id)
    write_settings(home, "disk_low_gib = 0")
    ended = pixelgate("alarms")
    assert (ended.code, ended.out) == (0, "")
    assert "No alarm is open." in ended.err
    model = checked_model({"name": "digits", "data": "digits", "every": "1h"}, source="test")
    file = write_model(home, model)
    os.utime(file, (0, 0))
    Outbox(home).observe([LATE], datetime(2026, 3, 3, 12, tzinfo=UTC))
    bad = write_run(home, Outcome.DATA_REJECTED, number=2, hours_ago=9)
    rows = pixelgate("alarms").out.splitlines()
    assert [row.split()[:3] for row in rows if "digits" in row] == [
        ["warning", "digits", "data_rejected"],
        ["warning", "digits", "late"],
    ]
    rejected, late = pixelgate("alarms", "--json").json
    assert (rejected["page"], rejected["since"]) == (f"/runs/{bad}", None)
    assert late["sentence"].startswith("A run was due at ")
    assert late["since"] == "2026-03-03T12:00:00+00:00"


def test_a_test_message_says_which_receiver_failed_and_why(pixelgate: Command, home: Home) -> None:
    """Exit code 1 if any did; no output holds a secret."""
    with webhook() as hook, webhook() as other, webhook() as down:
        down.stop()
        other.answer = 403
        write_settings(home, f'receivers = ["{hook.url}", "{other.url}", "{down.url}"]')
        ended = pixelgate("alarms", "test")
        assert (ended.code, hook.titles) == (1, ["Pixelgate: a test"])
        first, second, third = ended.out.splitlines()
        assert first == "ok  receiver 1 (json://...) accepted the message"
        assert re.match(r"XX  receiver 2 .+ failed: .+error=403", second)
        assert re.match(r"XX  receiver 3 .+ failed: .+Connection error", third)
        assert "2 of 3 receivers did not accept the message. Correct their URLs" in ended.err
        assert SECRET not in ended.out + ended.err
        # The environment replaces the file.
        ended = pixelgate("alarms", "test", "--json", env={NAMES: hook.url})
        assert (ended.code, len(ended.json), ended.json[0]["accepted"]) == (0, 1, True)
        ended = pixelgate("alarms", "test", env={NAMES: f"{hook.url} nosuch://{SECRET}"})
        assert "receiver 2 (nosuch://...) failed: Apprise knows no such service" in ended.out
        assert SECRET not in ended.out + ended.err


def test_a_test_without_receivers_says_where_to_name_them(pixelgate: Command, home: Home) -> None:
    """Exit code 2, as nothing was tested."""
    ended = pixelgate("alarms", "test")
    assert ended.code == 2
    assert f"There are no receivers. Name one in {home.alarm_settings}" in ended.err
    assert not home.root.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("quiet_hours = '10pm-7'", r"quiet_hours: expected two times .+ Received: '10pm-7'"),
        ("quiet_hours = '24:00-07:00'", "quiet_hours: expected hours to 23"),
        ("quiet_hours = '07:00-07:00'", "quiet_hours: they begin when they end"),
        ("timezone = 'Europe/Berln'", r"timezone: no such zone .+ did you mean Europe/Berlin\?"),
        ("disk_low_gib = -1", r"disk_low_gib: .+ Received: -1\. It means: Less free space"),
        ("desk_url = 'desk'", "desk_url: it must begin with http://"),
        ("reciever = []", r"reciever: no such setting\. Did you mean receivers\?"),
        ("receivers = ['s3cr3t']", "receivers: number 1 is no URL such as json://host/path"),
        ("receivers = 's3cr3t'", "receivers: Input should be a valid list"),
        ("receivers = [", "is not TOML: .+ Correct that line"),
    ],
)
def test_a_mistake_in_the_settings_names_file_key_and_remedy(
    home: Home, text: str, message: str
) -> None:
    """And never shows a receiver."""
    write_settings(home, text)
    with pytest.raises(SettingsError, match=message) as raised:
        load_alarm_settings(home)
    assert str(home.alarm_settings) in str(raised.value)
    assert "s3cr3t" not in str(raised.value)


def test_receivers_of_the_environment_are_checked_by_its_name(
    home: Home, monkeypatch: pytest.MonkeyPatch, pixelgate: Command
) -> None:
    """The variable is no setting of a run, and other commands don't mind it."""
    monkeypatch.setenv(NAMES, "s3cr3t")
    with pytest.raises(SettingsError, match=f"^{NAMES} in the environment: receivers: number 1"):
        load_alarm_settings(home)
    assert pixelgate("config", "seed").code == 0


def test_the_settings_are_those_of_the_page(home: Home) -> None:
    """docs/operations.md has a row for each, with its default; without a file they are in force."""
    settings = load_alarm_settings(home)
    assert settings == AlarmSettings()
    chapter = (ROOT / "docs/operations.md").read_text("utf-8").split("\n## Alarms\n")[1]
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", chapter.split("\n## ")[0], re.MULTILINE)
    documented = {name: default.strip("`") for name, default in rows}
    words = {"receivers": "none", "quiet_hours": "none", "timezone": "this machine's"}
    defaults = {
        name: f"{value:g}" if isinstance(value, float) else value
        for name, value in settings.model_dump().items()
    }
    assert documented == defaults | words
    assert settings.zone.key


def test_alarms_are_metrics(home: Home) -> None:
    """Open ones by model and severity, and what reached nobody; nothing of a damaged database."""
    outbox, now = Outbox(home), datetime.now(UTC)
    outbox.observe([LATE], now)
    with webhook() as down:
        down.stop()
        outbox.deliver(AlarmSettings(receivers=[down.url]), now)

    def numbers(of: Home | None) -> dict[str, list[tuple[dict[str, str], float]]]:
        families = text_string_to_metric_families(render_metrics([], of).decode())
        return {
            family.name: [(sample.labels, sample.value) for sample in family.samples]
            for family in families
            if "alarms" in family.name
        }

    assert numbers(home) == {
        "pixelgate_alarms_open": [({"model": "digits", "severity": "warning"}, 1.0)],
        "pixelgate_alarms_undelivered": [({}, 1.0)],
    }
    nothing: dict[str, list[object]] = {name: [] for name in numbers(home)}
    assert numbers(None) == nothing
    home.alarms.write_bytes(b"no database" * 1000)
    assert numbers(home) == nothing
