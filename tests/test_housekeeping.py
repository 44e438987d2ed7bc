"""Housekeeping removes what is old, all of it and nothing else, however it is interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from tasks.housekeeping.clean import keep_house, plan_housekeeping
from tasks.housekeeping.free_pages import free_bytes
from tasks.housekeeping.plan_records import CACHE, DAMAGED, DATABASE, RUN
from tasks.monitoring.disk_usage import KINDS, disk_usage, measure_disk
from tasks.monitoring.run_list import list_runs
from tasks.runs.run_lock import run_lock
from tasks.storage.checked import set_aside
from tasks.storage.removal import REMOVED
from tests.houses import House, going, staying, versions
from tests.image_trees import ROOT, write_tree
from tests.run_records import wear

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command_line import Command


def test_what_is_old_goes_with_its_version_and_files(house: House) -> None:
    """Run folder, version, MLflow run and artifacts are gone, the rest is as it was."""
    home = house.bench.config.paths
    second = house.store.version_by_alias("challenger")
    planned = plan_housekeeping(house.config())
    assert going(planned) == list(house.runs[:2])
    assert staying(planned) == {
        "1 run": "within keep_runs and keep_days",
        house.runs[2]: "version 3 is challenger",
        house.runs[3]: "the newest run whose data was accepted",
    }
    assert versions(house) == ["3", "2", "1"]
    done = keep_house(house.config())
    assert going(done.plan) == list(house.runs[:2])
    assert sum(done.before.values()) > sum(done.after.values())
    assert {run.run_id for run in list_runs(home)} == set(house.runs[2:])
    assert versions(house) == ["3"]
    assert len([*(home.artifacts / "bench").glob("[0-9a-f]*")]) == 1
    assert len([*(home.artifacts / "bench/models").glob("m-*")]) == 1
    assert not [*home.root.rglob(f"{REMOVED}/*")]
    assert second is not None
    assert house.store.model_path("3").exists()
    # A number is never given twice, as the ledger names versions by it.
    assert house.bench.register(run="later").version == "4"
    assert going(keep_house(house.config()).plan) == []


def test_age_alone_is_enough(house: House) -> None:
    """Runs older than keep_days go though there are few, but not the newest one."""
    assert going(plan_housekeeping(house.config(keep_runs=100))) == []
    aged = plan_housekeeping(house.config(keep_runs=100, keep_days=3))
    assert going(aged) == list(house.runs[:2])
    everything = plan_housekeeping(house.config(keep_runs=100, keep_days=0))
    assert staying(everything)[house.runs[4]] == "the newest run"


KILLED = """
import os, signal, sys
from pathlib import Path
from tasks.config.schema import RetrainConfig
from tasks.housekeeping import clean, old_runs
from tasks.registry import version_removal

def die(*_arguments):
    os.kill(os.getpid(), signal.SIGKILL)

module, name = sys.argv[2].split(".")
setattr({"old_runs": old_runs, "version_removal": version_removal}[module], name, die)
clean.keep_house(RetrainConfig(
    name="bench", home=Path(sys.argv[1]), housekeeping={"keep_runs": 1}
))
"""


def test_a_kill_leaves_nothing_half_removed(house: House) -> None:
    """Killed at each step in turn, all that is listed is whole, and the next one ends the work."""
    home = house.bench.config.paths
    steps = {
        # The version is gone, and its MLflow run and files are there.
        "version_removal._remove_run": (5, ["3", "2"]),
        # The files are aside, and the rows are there.
        "version_removal._purge": (5, ["3", "2"]),
        # The folder is aside, and not deleted.
        "old_runs.delete_moved": (4, ["3", "2"]),
    }
    for step, (runs, known) in steps.items():
        command = [sys.executable, "-c", KILLED, str(home.root), step]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        assert len(list_runs(home)) == runs, step
        assert versions(house) == known, step
        assert all(house.store.model_path(version).exists() for version in known)
    keep_house(house.config())
    assert versions(house) == ["3"]
    assert len(list_runs(home)) == 3
    assert not [*home.root.rglob(f"{REMOVED}/*")]
    assert len([*(home.artifacts / "bench").glob("[0-9a-f]*")]) == 1


def test_stale_caches_go_by_age_and_size(house: House) -> None:
    """What was not used for long, and then the oldest until the rest fits; damaged files too."""
    home = house.bench.config.paths
    for name, days in (("ancient", 40.0), ("older", 9.0), ("newer", 5.0), ("fresh", 0.0)):
        (home.evaluated / name).mkdir(parents=True)
        (home.evaluated / name / "big").write_bytes(b"x" * 2**20)
        wear(home.evaluated / name, days=days)
    (home.inventory / "bench.splits.parquet").parent.mkdir(parents=True, exist_ok=True)
    (home.inventory / "bench.splits.parquet").write_bytes(b"splits")
    set_aside(home.evaluated / "newer", "a test")
    keeping = house.config(keep_runs=100, cache_gib=1.5 / 1024, damaged_days=1)
    plan = plan_housekeeping(keeping)
    cached = {each.name: each.reason for each in plan.removals if each.kind == CACHE}
    assert cached == {
        "state/evaluated/ancient": "not used for 40 days",
        "state/evaluated/older": "the caches fill more than 0.00146484 GiB",
    }
    assert not [each for each in plan.removals if each.kind == DAMAGED]
    done = keep_house(house.config(keep_runs=100, cache_gib=1.5 / 1024, damaged_days=0))
    kinds = [each.kind for each in done.plan.removals]
    assert (kinds.count(CACHE), kinds.count(DAMAGED)) == (2, 1)
    assert [entry.name for entry in home.evaluated.glob("[!.]*")] == ["fresh"]
    assert not [*home.evaluated.glob(".damaged-*")]
    assert (home.inventory / "bench.splits.parquet").exists()


def test_the_database_is_compacted(house: House) -> None:
    """Rows of removed runs leave empty pages, which the file gives back."""
    home = house.bench.config.paths
    done = keep_house(house.config())
    assert DATABASE in {each.kind for each in done.plan.removals}
    assert free_bytes(home.database) == 0
    assert versions(house) == ["3"]


def test_the_disk_is_measured_by_kind(house: House) -> None:
    """Each part of a home counts once; within a minute the same answer is given again."""
    home = house.bench.config.paths
    usage = disk_usage(home)
    assert set(usage.kinds) == set(KINDS)
    assert min(usage.kinds["runs"], usage.kinds["models"], usage.kinds["databases"]) > 0
    assert 0 < usage.free < usage.size
    (home.runs / "large").write_bytes(b"x" * 2**20)
    assert disk_usage(home) is usage
    assert measure_disk(home).kinds["runs"] >= usage.kinds["runs"] + 2**20


def test_housekeeping_on_the_command_line(house: House, pixelgate: Command) -> None:
    """A dry run changes nothing; then what went, why the rest stays, and sizes before and after."""
    limits = ("--set", "housekeeping.keep_runs=1", "--home", house.bench.config.home)
    dry = pixelgate("housekeeping", "--dry-run", *limits)
    assert dry.code == 0, dry.err
    rows = [line.split() for line in dry.out.splitlines() if house.runs[0] in line]
    assert [row[:4] for row in rows] == [["goes", "run", "bench", house.runs[0]]]
    assert "version 3 is challenger" in dry.out
    assert "Nothing was removed" in dry.err
    assert house.folder(0).exists()
    done = pixelgate("housekeeping", "--json", *limits)
    assert done.code == 0, done.err
    gone = [each["name"] for each in done.json["removed"] if each["kind"] == RUN]
    assert gone == list(house.runs[:2])
    assert done.json["before"]["runs"] > done.json["after"]["runs"]
    sizes = pixelgate("disk", "--home", house.bench.config.home)
    assert sizes.code == 0
    assert {line.split()[0] for line in sizes.out.splitlines() if line.strip()} >= {*KINDS, "total"}
    with run_lock(house.bench.config.paths):
        (house.bench.config.paths.decoded / "old").mkdir(parents=True)
        wear(house.bench.config.paths.decoded, days=90)
        busy = pixelgate("housekeeping", *limits)
    assert (busy.code, "is being retrained" in busy.err) == (1, True)


def test_a_model_without_runs_has_no_row(pixelgate: Command, tmp_path: Path) -> None:
    """One that was installed and has not run yet is no "0 runs", nor are there "0 results"."""
    write_tree(tmp_path / "photos", {"cat": 1})
    added = pixelgate("models", "add", "photos", "--data", tmp_path / "photos", "--every", "6h")
    assert added.code == 0, added.err
    planned = pixelgate("housekeeping", "--dry-run")
    assert planned.code == 0, planned.err
    assert " 0 " not in planned.out
    kept = pixelgate("housekeeping", "--dry-run", "--json").json["kept"]
    assert not {RUN, CACHE} & {each["kind"] for each in kept}
