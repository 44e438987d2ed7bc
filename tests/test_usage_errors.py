"""Mistakes of usage that are found before anything is done: a message and exit code 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.image_trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command_line import Command, CommandProcess


@pytest.mark.parametrize(
    "command",
    [
        "up",
        "run --data photos",
        "models add photos --data photos --every 6h",
        "desk --port 0",
        "quarantine clear --all",
        "housekeeping",
        "live",
    ],
)
def test_a_home_that_cannot_be_written_to_is_named(
    pixelgate: Command, tmp_path: Path, command: str
) -> None:
    """By every command that would write to it; no traceback."""
    write_tree(tmp_path / "photos", {"cat": 1})
    (tmp_path / "file").write_text("not a folder", "utf-8")
    home = tmp_path / "file/home"
    ended = pixelgate(*command.split(), env={"PIXELGATE_HOME": str(home)})
    assert ended.code == 2, ended.err
    assert f"Can't write to the home folder {home}: Not a directory. Set --home" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("", "PREFECT_API_URL names no Prefect server."),
        ("http://[bad", "Prefect's settings are wrong:"),
    ],
)
def test_deploy_without_a_server_is_wrong_usage(
    pixelgate_process: CommandProcess, tmp_path: Path, address: str, message: str
) -> None:
    """It says what to set, before it imports the flows."""
    env = {"PREFECT_API_URL": address, "PREFECT_HOME": str(tmp_path / "prefect")}
    ended = pixelgate_process("deploy", env=env, measured=False)
    assert ended.code == 2, ended.err
    assert message in ended.err
    assert "http://127.0.0.1:4200/api" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("command", ["models add photos --every 6h", "run"])
def test_a_single_image_is_no_data_folder(pixelgate: Command, tmp_path: Path, command: str) -> None:
    """It is refused before a model is installed that could never be retrained."""
    image = next(write_tree(tmp_path / "photos", {"cat": 1}).rglob("*.png"))
    ended = pixelgate(*command.split(), "--data", image)
    assert ended.code == 2, ended.err
    assert f"{image} is a file. Give a folder of images, or a manifest (.csv, .parquet)." in (
        ended.err
    )
    assert not (tmp_path / "home").exists()
