"""A champion whose model file is lost or altered is not healthy, and comes as an alarm."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from deployments.desk.app import create_app
from tasks.config.alarm_settings import AlarmSettings
from tasks.monitoring.alarm_list import list_alarms
from tasks.monitoring.alarms import Cause, Severity
from tasks.registry.champion import require_champion

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.command_line import Command
    from tests.model_bench import Bench


def alter(file: Path) -> None:
    """Change one byte in the middle; the size stays."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda file: file.unlink(), "there is no model file in"),
        (lambda file: os.truncate(file, 100), "changed since it was registered"),
        (alter, "changed since it was registered"),
    ],
    ids=["lost", "torn", "altered"],
)
def test_a_lost_or_altered_model_file_is_said_everywhere(
    pixelgate: Command,
    versions: Bench,
    damage: Callable[[Path], object],
    words: str,
) -> None:
    """By `status` with exit code 7, on the first screen, and as one alarm; until it is put back."""
    home = versions.config.paths
    file = require_champion(versions.store).file
    content = file.read_bytes()
    settings = AlarmSettings(disk_low_gib=0)
    with TestClient(create_app(home), base_url="http://127.0.0.1:8200") as desk:
        assert pixelgate("status", "--home", home.root).code == 0
        assert "lost or damaged" not in desk.get("/").text
        damage(file)
        ended = pixelgate("status", "--home", home.root)
        assert ended.code == 7
        assert "XX  bench: Champion 1 is lost or damaged: " in ended.out
        assert words in ended.out
        assert "Put its files back: pixelgate restore ARCHIVE" in ended.out
        assert "Champion 1 is lost or damaged" in desk.get("/").text
        [opened] = list_alarms(home, settings)
        assert (opened.alarm.cause, opened.alarm.severity) == (
            Cause.CHAMPION_DAMAGED,
            Severity.CRITICAL,
        )
        assert words in opened.alarm.sentence
        assert opened.alarm.action == "Put its files back: pixelgate restore ARCHIVE"
        file.write_bytes(content)
        assert list_alarms(home, settings) == []
        assert pixelgate("status", "--home", home.root).code == 0
        assert "lost or damaged" not in desk.get("/").text


def test_a_model_file_that_did_not_change_is_not_read_again(versions: Bench) -> None:
    """Whoever watches asks every few seconds; a change of content has a new time of change."""
    home, settings = versions.config.paths, AlarmSettings(disk_low_gib=0)
    file = require_champion(versions.store).file
    assert list_alarms(home, settings) == []
    before = file.stat()
    alter(file)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert list_alarms(home, settings) == []
    os.utime(file)
    assert [each.alarm.cause for each in list_alarms(home, settings)] == [Cause.CHAMPION_DAMAGED]
