"""A home survives kills, moves, copies and damage, or says which file it lost and what to do."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tasks.errors import PixelgateError
from tasks.registry.champion import champion_version, find_champion, require_champion
from tasks.registry.embedded_database import ensure_database
from tasks.registry.mlflow_store import CHALLENGER, CHAMPION, ModelStore, created_beside
from tasks.registry.registration import INTERRUPTED, close_interrupted
from tasks.runs.provenance import OUTCOME_TAG
from tasks.storage.atomic import write_json
from tasks.storage.home import Home
from tasks.storage.scratch import ABANDONED_SECONDS, scratch_folder
from tests.image_trees import ROOT
from tests.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.model_bench import Bench

CREATE = """
import sys
from pathlib import Path
from tasks.registry.mlflow_store import ModelStore
from tasks.storage.home import Home
print(ModelStore(Home(sys.argv[2], Path(sys.argv[1]))).experiment(sys.argv[2]))
"""


def create_store(home: Path, name: str) -> subprocess.Popen[str]:
    """Open a home's store in a process of its own, as a first run does."""
    command = [sys.executable, "-c", CREATE, str(home), name]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def files_outside(home: Path) -> set[Path]:
    """Return what stands beside a home."""
    return {entry for entry in home.parent.iterdir() if entry != home}


def test_three_processes_can_begin_on_a_fresh_home(tmp_path: Path) -> None:
    """One creates the database; the others wait for it."""
    home = tmp_path / "home"
    started = [create_store(home, f"model{number}") for number in range(3)]
    ended = [process.communicate(timeout=180) for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], ended


@pytest.mark.parametrize("delay", [0.0, 0.4, 0.9])
def test_a_kill_while_the_store_is_created_bricks_nothing(tmp_path: Path, delay: float) -> None:
    """The next process finds a whole database or none."""
    home = tmp_path / "home"
    first = create_store(home, "model")
    state = home / "state"
    wait_until(
        lambda: list(state.glob(".*.mlflow.db")), seconds=120, what="the unfinished database"
    )
    time.sleep(delay)
    first.kill()
    first.communicate()
    again = create_store(home, "model")
    out, err = again.communicate(timeout=180)
    assert again.returncode == 0, err
    assert out.strip()
    assert not list(state.glob(".*.mlflow.db"))


@pytest.mark.parametrize("name", ["a?b", "50%", "a#b", "with blank", "ä€", "a&b=c;d", "%3F"])
def test_a_home_of_any_name_holds_its_own_database(tmp_path: Path, name: str) -> None:
    """Whatever a URI would make of its name, nothing appears beside it."""
    home = Home("model", tmp_path / name)
    assert ModelStore(home).experiment("model")
    assert home.database.exists()
    assert files_outside(home.root) == set()
    with closing(sqlite3.connect(home.database)) as opened:
        assert opened.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_nothing_in_the_store_is_an_absolute_path(bench: Bench) -> None:
    """So that a home can be moved; what a user's settings name is outside it."""
    bench.retrain(0.9)
    columns = {
        "experiments": "artifact_location",
        "runs": "artifact_uri",
        "model_versions": "source",
        "logged_models": "artifact_location",
    }
    with closing(sqlite3.connect(bench.config.paths.database)) as opened:
        for table, column in columns.items():
            rows = opened.execute(f"SELECT {column} FROM {table}").fetchall()  # noqa: S608 - ours
            assert rows
            assert all(uri.startswith("mlflow-artifacts:/") for (uri,) in rows), table


def test_a_moved_home_still_has_its_champion(bench: Bench, tmp_path: Path) -> None:
    """Its file is found where the home is now."""
    bench.retrain(0.9)
    moved = tmp_path / "moved"
    bench.config.home.rename(moved)
    champion = require_champion(bench.at_home(moved).store)
    assert champion.file.is_relative_to(moved)


def test_a_copied_home_leaves_the_original_alone(bench: Bench, tmp_path: Path) -> None:
    """A model registered in the copy is in the copy."""
    bench.retrain(0.9)
    copy = bench.at_home(tmp_path / "copy")
    shutil.copytree(bench.config.home, copy.config.home)
    before = sorted(bench.config.home.rglob("*"))
    copy.retrain(0.95, run="run2", champion=0.9)
    assert champion_version(copy.store) == "2"
    assert champion_version(bench.store) == "1"
    after = [file for file in bench.config.home.rglob("*") if "mlflow.db-" not in file.name]
    assert sorted(after) == [file for file in before if "mlflow.db-" not in file.name]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.write_bytes(b""), "it is empty"),
        (lambda file: file.write_text("text"), "it is not an SQLite database"),
        (lambda file: os.truncate(file, file.stat().st_size // 2), "damaged"),
        (lambda file: file.unlink(), "has no champion"),
    ],
    ids=["empty", "text", "half", "gone"],
)
def test_a_lost_database_is_named(
    bench: Bench, damage: Callable[[Path], object], message: str
) -> None:
    """It does not start over at version 1 while runs tell of a champion."""
    bench.retrain(0.9)
    home = bench.config.paths
    write_json(
        home.runs / "20260101-000000-abcd/summary.json",
        {"name": "bench", "outcome": "promoted", "model_version": "1"},
    )
    for extra in home.state.glob("mlflow.db-*"):
        extra.unlink()
    damage(home.database)
    with pytest.raises(PixelgateError, match=message) as raised:
        champion_version(bench.store)
    assert str(home.database) in str(raised.value)
    assert "pixelgate restore" in str(raised.value)


def test_a_new_home_has_no_history_to_ask_for(tmp_path: Path) -> None:
    """Runs of other models, and those that promoted nothing, tell of no champion."""
    home = Home("model", tmp_path)
    for number, (name, outcome) in enumerate([("other", "promoted"), ("model", "failed")]):
        write_json(home.runs / f"{number}/summary.json", {"name": name, "outcome": outcome})
    (home.runs / "torn").mkdir()
    (home.runs / "torn/summary.json").write_text("{")
    ensure_database(home)
    assert champion_version(ModelStore(home)) is None


def test_a_store_is_created_beside_something_else(tmp_path: Path) -> None:
    """And what goes wrong with it goes wrong where it is used."""
    store = ModelStore(Home("model", tmp_path / "home"))
    with created_beside(store):
        pass
    assert store.home.database.is_file()
    assert champion_version(store) is None
    (tmp_path / "file").touch()
    with created_beside(nowhere := ModelStore(Home("model", tmp_path / "file/home"))):
        pass
    with pytest.raises(OSError, match="Not a directory"):
        nowhere.experiment("model")


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.unlink(),
        lambda file: file.write_bytes(b"PK garbled"),
        lambda file: shutil.rmtree(file.parents[1]),
        lambda file: (file.parents[1] / "MLmodel").write_text("flavors: [\n"),
        lambda file: (file.parents[1] / "MLmodel").unlink(),
    ],
    ids=["file", "garbled", "folder", "torn MLmodel", "MLmodel"],
)
def test_a_lost_champion_is_named_with_the_ways_on(
    bench: Bench, damage: Callable[[Path], object]
) -> None:
    """Which version, which file, and how to get along without it."""
    bench.retrain(0.9)
    damage(require_champion(bench.store).file)
    with pytest.raises(PixelgateError, match="Version 1, the champion of bench") as raised:
        find_champion(bench.store)
    assert "--without-champion" in str(raised.value)
    without = ModelStore(bench.config.paths, without_champion=True)
    assert find_champion(without) is None


def test_what_a_killed_run_left_is_closed(bench: Bench) -> None:
    """A version without an outcome is tagged, and its MLflow run fails."""
    bench.retrain(0.9)
    left = bench.register(0.95, run="run2")
    close_interrupted(bench.store)
    client = bench.store.client
    assert client.get_model_version("bench", left.version).tags[OUTCOME_TAG] == INTERRUPTED
    assert client.get_run(left.mlflow_run).info.status == "FAILED"
    assert champion_version(bench.store) == "1"
    again = bench.retrain(0.95, run="run3", champion=0.9)
    challenger = client.get_model_version_by_alias("bench", CHALLENGER)
    assert str(challenger.version) == again.candidate.version


def test_a_champion_whose_run_was_killed_after_the_alias_stays(bench: Bench) -> None:
    """The promotion was done; only what says so was missing."""
    candidate = bench.register(0.9)
    client = bench.store.client
    client.set_registered_model_alias("bench", CHAMPION, candidate.version)
    close_interrupted(bench.store)
    assert client.get_model_version("bench", candidate.version).tags[OUTCOME_TAG] == "promoted"
    assert client.get_run(candidate.mlflow_run).info.status == "FINISHED"


def test_no_environment_variable_redirects_the_store(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLFLOW_REGISTRY_URI and MLFLOW_TRACKING_URI belong to other uses of MLflow."""
    for name in ("MLFLOW_REGISTRY_URI", "MLFLOW_TRACKING_URI"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    bench.retrain(0.9)
    assert require_champion(bench.store).version == "1"


def test_what_killed_commands_left_is_removed(tmp_path: Path) -> None:
    """After a day, as it may be in use until then; nothing stays where a command ends by itself."""
    home = Home("any", tmp_path / "home")
    for name, age in (("killed", 2 * ABANDONED_SECONDS), ("running", 0.0)):
        left = home.scratch / name
        left.mkdir(parents=True)
        (left / "file").touch()
        os.utime(left, times=(time.time() - age, time.time() - age))
    with scratch_folder(home) as folder:
        assert folder.is_relative_to(home.root)
    assert [entry.name for entry in home.scratch.iterdir()] == ["running"]


def test_looking_at_a_store_frees_no_lock_on_it(bench: Bench) -> None:
    """What this process has open stays its own: another one that ends takes no write away."""
    database = bench.config.paths.database
    with closing(sqlite3.connect(database)) as ours:
        ours.execute("SELECT count(*) FROM experiments").fetchone()
        ensure_database(bench.config.paths)
        other = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
        other += "c.execute('SELECT count(*) FROM experiments').fetchone(); c.close()"
        subprocess.run([sys.executable, "-c", other, str(database)], check=True)
        assert database.with_name(f"{database.name}-wal").exists()
