"""What runs share is verified before it is used, and written by one process at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from tasks.errors import DamagedFileError, PixelgateError
from tasks.storage.atomic import CHECKSUMS, atomic_folder
from tasks.storage.checked import (
    believe_folder,
    believe_json,
    believe_parquet,
    read_checked_json,
    read_checked_parquet,
    write_checked_json,
    write_checked_parquet,
)
from tasks.storage.home import Home
from tasks.validation.baseline import list_baselines, reset_baselines
from tasks.validation.overrides import add_override, list_overrides
from tests.image_trees import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.gate_keeper import GateKeeper
    from tests.image_trees import Tree

PROCESSES, ROUNDS = 4, 25
ADD_OVERRIDES = """
import sys
from pathlib import Path
from tasks.storage.home import Home
from tasks.validation.overrides import add_override
home, who = Home("model", Path(sys.argv[1])), sys.argv[2]
for number in range(int(sys.argv[3])):
    add_override(home, fingerprint=f"{who}-{number}", rules=["sizes"], why="a test")
"""
REMEMBER_SPLITS = """
import sys
from pathlib import Path
import pandas as pd
from tasks.inventory.split_ledger import SplitLedger
folder, who = Path(sys.argv[1]), sys.argv[2]
for number in range(int(sys.argv[3])):
    rows = pd.DataFrame({"sha256": [f"{who}-{number}"], "path": [f"{who}/{number}.png"],
                         "split": ["train"], "group": [None], "siblings": [None]}, dtype="str")
    SplitLedger(folder, folder, seed=1).remember(rows, pd.Series(["drawn"], dtype="str"))
"""

KEEP_VERDICTS = """
import sys
from pathlib import Path
import pandas as pd
from tasks.config.gate import GateConfig
from tasks.storage.home import Home
from tasks.validation.context import Context
from tasks.validation.kept_verdicts import keep_verdict, reuse_verdict
from tasks.validation.verdict import Verdict, write_verdict
root, who = Path(sys.argv[1]), sys.argv[2]
home, judged, gate = Home("model", root), root / who, GateConfig()
verdict = Verdict(accepted=True, findings=(), data_fingerprint="f", data_docs=judged / "docs",
                  offenders=judged / "offenders", quarantine=judged / "quarantine")
for number in range(20):
    (judged / "gx").mkdir(parents=True, exist_ok=True)
    (judged / f"gx/{number}").write_text(who)
write_verdict(judged, verdict)
for number in range(int(sys.argv[3])):
    keep_verdict(home, "key", judged)
    again = root / f"{who}-{number}"
    kept = reuse_verdict(home, "key", pd.DataFrame(), gate, Context(), directory=again)
    assert kept is not None and kept.accepted
    assert len(list((again / "gx").iterdir())) == 20
"""


def run_together(script: str, folder: Path) -> None:
    """Run a script in several processes at once, each under a name of its own."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(folder), f"p{number}", str(ROUNDS)], cwd=ROOT
        )
        for number in range(PROCESSES)
    ]
    assert [process.wait(timeout=300) for process in running] == [0] * PROCESSES


def test_overrides_of_four_processes_are_all_kept(tmp_path: Path) -> None:
    """Each reads, changes and writes the same file; nobody erases what another one wrote."""
    run_together(ADD_OVERRIDES, tmp_path)
    kept = {override.data_fingerprint for override in list_overrides(Home("model", tmp_path))}
    assert kept == {f"p{who}-{n}" for who in range(PROCESSES) for n in range(ROUNDS)}


def test_splits_of_four_processes_are_all_kept(tmp_path: Path) -> None:
    """The ledger only grows, whoever writes to it at the same time."""
    run_together(REMEMBER_SPLITS, tmp_path)
    entries = read_checked_parquet(next(tmp_path.glob("*.splits.parquet")))
    assert len(entries) == PROCESSES * ROUNDS
    assert entries["sha256"].is_unique


def test_four_processes_keep_and_reuse_one_verdict(tmp_path: Path) -> None:
    """Each gets the whole of it, whoever else replaces it at that moment."""
    run_together(KEEP_VERDICTS, tmp_path)
    assert believe_folder(Home("model", tmp_path).verdict("key"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(file.read_bytes()[:-3]),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(file.read_bytes().replace(b"7", b"9")),
        lambda file: file.unlink(),
    ],
    ids=["torn", "empty", "edited", "removed"],
)
def test_a_sealed_folder_that_changed_is_set_aside(
    tmp_path: Path, damage: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever happened to one of its files, it is not believed, not lost, and named."""
    folder = tmp_path / "result"
    with atomic_folder(folder, sealed=True) as unfinished:
        (unfinished / "numbers.json").write_text('{"accuracy": 0.7777}')
        (unfinished / "model").mkdir()
        (unfinished / "model" / "weights").write_bytes(bytes(range(256)))
    assert believe_folder(folder)
    damage(folder / "numbers.json")
    assert not believe_folder(folder)
    assert not folder.exists()
    assert len(list(tmp_path.glob(".damaged-*.result"))) == 1
    assert "numbers.json" in caplog.text


def test_a_folder_without_its_checksums_is_not_believed(tmp_path: Path) -> None:
    """Who removes the checksums has not made the content right."""
    folder = tmp_path / "result"
    with atomic_folder(folder, sealed=True) as unfinished:
        (unfinished / "file").write_text("content")
    (folder / CHECKSUMS).unlink()
    assert not believe_folder(folder)


def test_json_that_was_edited_is_not_believed(tmp_path: Path) -> None:
    """One digit is enough, and so is a value that was added."""
    file = write_checked_json(tmp_path / "record.json", {"accuracy": 0.71, "list": [1, 2]})
    assert read_checked_json(file) == {"accuracy": 0.71, "list": [1, 2]}
    plain = json.loads(file.read_text())
    file.write_text(json.dumps(plain | {"accuracy": 0.999}))
    with pytest.raises(DamagedFileError, match=r"record\.json is damaged: its content changed"):
        read_checked_json(file)
    assert believe_json(file) is None
    assert not file.exists()


def test_parquet_that_was_edited_is_not_believed(tmp_path: Path) -> None:
    """A valid file of other rows is no better than a torn one."""
    frame = pd.DataFrame({"path": ["a", "b"], "split": ["train", "test"]}, dtype="str")
    frame.attrs["seed"] = 3
    file = write_checked_parquet(tmp_path / "rows.parquet", frame)
    again = read_checked_parquet(file)
    assert again.equals(frame)
    assert again.attrs == {"seed": 3}
    edited = pd.read_parquet(file)
    edited.loc[0, "split"] = "test"
    edited.to_parquet(file)
    assert believe_parquet(file) is None
    assert list(tmp_path.glob(".damaged-*"))


def test_an_edited_baseline_is_named_and_can_be_reset(keeper: GateKeeper, image_tree: Tree) -> None:
    """It can't be made again, so an operator decides what later data is compared with."""
    keeper.accept(image_tree({"cat": 40, "dog": 40}))
    keeper.accept(image_tree({"cat": 45, "dog": 45}))
    home = Home("pixelgate", keeper.home)
    newest = list_baselines(home)[0]
    record = newest.folder / "record.json"
    record.write_text(record.read_text().replace('"files": 90', '"files": 9'))
    with pytest.raises(PixelgateError, match=r"record\.json changed.*baseline reset"):
        list_baselines(home)
    assert reset_baselines(home) is not None
    assert list_baselines(home) == []


def test_baselines_are_ordered_by_a_counter(
    keeper: GateKeeper, image_tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that was set back makes no old baseline the newest."""
    keeper.accept(image_tree({"cat": 40, "dog": 40}))
    real = pd.Timestamp.now("UTC")

    class SetBack:
        """A clock that is two years late."""

        @staticmethod
        def now(zone: object) -> pd.Timestamp:
            """Return the wrong time."""
            del zone
            return real - pd.Timedelta(days=730)

    monkeypatch.setattr("tasks.validation.baseline.datetime", SetBack)
    keeper.accept(image_tree({"cat": 45, "dog": 45}))
    newest, older = list_baselines(Home("pixelgate", keeper.home))
    assert (newest.record["files"], older.record["files"]) == (90, 80)


def test_a_torn_file_of_overrides_is_set_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The gate is stricter then, and says which file it could not read."""
    home = Home("model", tmp_path)
    add_override(home, fingerprint="f", rules=["sizes"], why="a test")
    home.overrides.write_text(home.overrides.read_text()[:40])
    assert list_overrides(home) == []
    assert str(home.overrides) in caplog.text
