"""Mistakes on the command line end before anything is imported or written."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tasks.config.data import DataConfig, existing_data
from tasks.errors import DataFolderError
from tests.image_trees import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command_line import Command

MISTAKES = [
    (("run", "--data", "nowhere"), "No such data folder"),
    (("gate", "nowhere"), "No such data folder"),
    (("inventory", "nowhere"), "No such data folder"),
    (("drill", "nowhere"), "No such data folder"),
    (("tune", "--data", "nowhere", "--search", "seed=1,2"), "No such data folder"),
    (("baseline", "accept", "nowhere"), "No such data folder"),
    (("serve", "--data", "nowhere", "--every", "1h"), "No such data folder"),
    (("predict", "nowhere", "nowhere.png"), "No such image or folder"),
    (("config", "gate.siezs"), "Did you mean gate.sizes?"),
    (("gate", ""), "the path is empty"),
    (("run", "--data", ""), "the path is empty"),
    (("runs", "--home", ""), "the path is empty"),
    (("gate", ".", "--set", "data.manifest=none.csv"), "No such manifest"),
    (("gate", ".", "--set", "gate.suites=['none.json']"), "gate.suites: no file at"),
    (("run", "--data", ".", "--set", "training.weights=none.keras"), "there is no such file"),
    (("run", "--data", ".", "--set", "seed=-1"), "seed: "),
]
HEAVY = {"tensorflow", "keras", "prefect", "great_expectations", "mlflow", "pandas"}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_a_mistake_leaves_nothing_behind(
    pixelgate: Command, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    """Exit code 2, one sentence, and neither a run nor a home."""
    ended = pixelgate(*arguments)
    assert ended.code == 2, ended.err
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "home").exists()


def test_a_mistake_imports_no_heavy_library(tmp_path: Path) -> None:
    """It is said at once: in one fresh interpreter, no command loads what takes seconds."""
    script = (
        "import sys; from flows.cli.main import main\n"
        f"for arguments in {[arguments for arguments, _ in MISTAKES]!r}:\n"
        "    sys.argv = ['pixelgate', *arguments]\n"
        "    try:\n        main()\n    except SystemExit as end:\n        assert end.code == 2\n"
        f"print('HEAVY', sorted({HEAVY!r} & set(sys.modules)))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == ["HEAVY []"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("Photo", r"Did you mean .*/photos\?"),
        ("photos/trian/cat", r"Did you mean .*/photos/train\?"),
        ("photos/x", r"/photos has no x, but dev/, old/, test/, train/ and others\."),
        ("photos/train/x", r"/photos/train has no x and holds no folders\."),
        ("photos.zip", r"photos\.zip is an archive\. Unpack it and give the folder\."),
        ("photos.tar.gz", r"is an archive"),
    ],
)
def test_a_folder_that_is_missing_gets_its_neighbours(
    tmp_path: Path, given: str, message: str
) -> None:
    """The nearest name, or what is there instead."""
    for name in ("train", "test", "val", "old", "dev"):
        (tmp_path / "photos" / name).mkdir(parents=True)
    for name in ("photos.zip", "photos.tar.gz"):
        (tmp_path / name).touch()
    with pytest.raises(DataFolderError, match=message):
        existing_data(DataConfig(directory=tmp_path / given))
