"""A restored home knows whom it has told of what, and how its last drill ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tasks.config.alarm_settings import AlarmSettings
from tasks.drill.kept_drill import keep_drill, last_drill
from tasks.monitoring.alarm_store import open_alarms
from tasks.monitoring.alarms import Alarm, Cause, Severity
from tasks.monitoring.outbox import Outbox
from tasks.storage.home import Home
from tests.webhooks import webhook

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command_line import Command
    from tests.model_bench import Bench

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
LATE = Alarm(Cause.LATE, "bench", Severity.WARNING, "No run since 2.", "Run.", "/models/bench")


def test_alarms_and_drills_are_restored(
    pixelgate: Command, versions: Bench, tmp_path: Path
) -> None:
    """An alarm that was sent before the backup is not sent again after it."""
    home, archive = versions.config.paths, tmp_path / "b.tar"
    keep_drill(home, ["leakage missed a training image in test"])
    with webhook() as hook:
        settings = AlarmSettings(receivers=[hook.url])
        Outbox(home).observe([LATE], NOON)
        Outbox(home).deliver(settings, NOON)
        assert pixelgate("backup", archive, "--home", home.root).code == 0
        elsewhere = Home("bench", tmp_path / "elsewhere")
        restored = pixelgate("restore", archive, "--home", elsewhere.root)
        assert restored.code == 0, restored.err
        assert [each.alarm for each in open_alarms(elsewhere)] == [LATE]
        Outbox(elsewhere).observe([LATE], NOON)
        assert Outbox(elsewhere).deliver(settings, NOON) == 0
        assert len(hook.received) == 1
    drill = last_drill(elsewhere)
    assert drill is not None
    assert drill.problem == "leakage missed a training image in test"


def test_a_damaged_database_of_alarms_keeps_no_model_from_the_backup(
    pixelgate: Command, versions: Bench, tmp_path: Path
) -> None:
    """It is left out."""
    home, archive = versions.config.paths, tmp_path / "b.tar"
    home.alarms.write_bytes(b"no database at all" * 100)
    assert pixelgate("backup", archive, "--home", home.root).code == 0
    elsewhere = Home("bench", tmp_path / "elsewhere")
    assert pixelgate("restore", archive, "--home", elsewhere.root).code == 0
    assert not elsewhere.alarms.exists()
