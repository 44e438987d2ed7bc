"""A backup restores a home, elsewhere too, or changes nothing."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tasks.errors import PixelgateError, UsageError
from tasks.registry.champion import champion_version, require_champion
from tasks.storage.backup import back_up, restore

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command_line import Command
    from tests.model_bench import Bench


def test_a_backup_is_restored_elsewhere(bench: Bench, tmp_path: Path) -> None:
    """With the champion, its file and its evidence; and over a home that was lost."""
    bench.retrain(0.9)
    archive = tmp_path / "backup.tar"
    assert back_up(bench.config.paths, archive) > 5
    elsewhere = bench.at_home(tmp_path / "elsewhere")
    assert restore(elsewhere.config.paths, archive) is None
    champion = require_champion(elsewhere.store)
    original = require_champion(bench.store)
    assert champion.file.read_bytes() == original.file.read_bytes()
    assert champion.file.is_relative_to(elsewhere.config.home)

    elsewhere.config.paths.database.write_bytes(b"lost")
    aside = restore(elsewhere.config.paths, archive)
    assert aside is not None
    assert (aside / "mlflow.db").read_bytes() == b"lost"
    # Under a path of its own, as this process has the lost database open.
    third = bench.at_home(tmp_path / "third")
    shutil.copytree(elsewhere.config.home, third.config.home)
    assert champion_version(third.store) == "1"


def test_a_damaged_backup_changes_nothing(bench: Bench, tmp_path: Path) -> None:
    """It is read whole before anything is put in its place."""
    bench.retrain(0.9)
    archive = tmp_path / "backup.tar"
    back_up(bench.config.paths, archive)
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(PixelgateError, match=r"backup\.tar .*(damaged|can't be read)"):
        restore(bench.config.paths, archive)
    archive.write_bytes(content[: len(content) // 3])
    with pytest.raises(PixelgateError, match=r"backup\.tar"):
        restore(bench.config.paths, archive)
    with pytest.raises(UsageError, match="No such archive"):
        restore(bench.config.paths, tmp_path / "missing.tar")
    assert champion_version(bench.store) == "1"


def test_backup_and_restore_on_the_command_line(
    bench: Bench, pixelgate: Command, tmp_path: Path
) -> None:
    """One command each; what was there before is named."""
    bench.retrain(0.9, run="run1")
    archive, home, elsewhere = tmp_path / "b.tar", bench.config.home, tmp_path / "elsewhere"
    made = pixelgate("backup", archive, "--home", home)
    assert (made.code, f"files of {home} are in {archive}" in made.err) == (0, True)
    first = pixelgate("restore", archive, "--home", elsewhere)
    assert (first.code, "was there before" in first.err) == (0, False)
    listed = pixelgate("models", "--name", "bench", "--home", elsewhere, "--json").json
    assert [row["version"] for row in listed] == ["1"]
    again = pixelgate("restore", archive, "--home", elsewhere)
    assert "The state that was there before is in" in again.err
    wrong = pixelgate("restore", tmp_path / "missing.tar", "--home", elsewhere)
    assert (wrong.code, "Traceback" in wrong.err) == (2, False)
    assert "missing.tar" in wrong.err
