"""Versions and decisions in the store: each step repeated after a fault, and where files are."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
import pytest

from tasks.errors import PixelgateError
from tasks.generators.inputs import sample_images
from tasks.outcome import Outcome
from tasks.registry.champion import (
    champion_classes,
    champion_version,
    find_champion,
    find_judged_run,
    require_champion,
)
from tasks.registry.mlflow_store import CHALLENGER, CHAMPION, ModelStore
from tasks.registry.registration import record_decision
from tasks.runs.provenance import OUTCOME_TAG
from tasks.storage.home import Home
from tests.command_line import predict_here

if TYPE_CHECKING:
    from pathlib import Path

    from tests.model_bench import Bench


def break_once(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
    """Make the first call of a method fail as a disk or network does; later calls work."""
    original = getattr(owner, name)

    def fail(*_: Any, **__: Any) -> None:
        monkeypatch.setattr(owner, name, original)
        raise OSError(f"no space left for {name}")

    monkeypatch.setattr(owner, name, fail)


def test_the_first_good_model_becomes_champion(fresh_bench: Bench) -> None:
    """It has both aliases, its tags, its parameters, metrics and evidence."""
    registration = fresh_bench.retrain(0.9)
    assert registration.decision.outcome is Outcome.PROMOTED
    assert registration.decision.message.endswith("is champion now")
    assert all(check.success for check in registration.decision.checks)
    client = fresh_bench.store.client
    version = client.get_model_version_by_alias("bench", CHAMPION)
    assert client.get_model_version_by_alias("bench", CHALLENGER).version == version.version
    assert version.tags["pixelgate.data_fingerprint"] == "f00d"
    assert version.tags["pixelgate.check.floor"].startswith("pass")
    run = client.get_run(registration.candidate.mlflow_run)
    assert run.info.status == "FINISHED"
    assert run.data.tags[OUTCOME_TAG] == "promoted"
    assert run.data.metrics["accuracy"] == 0.9
    assert run.data.params["training.model"] == "fast_cnn"
    evidence = (
        fresh_bench.config.paths.artifacts / "bench" / run.info.run_id / "artifacts/evaluation"
    )
    assert {file.name for file in evidence.iterdir()} == {
        "predictions.json",
        "predictions.parquet",
        "probabilities.parquet",
    }


@pytest.mark.parametrize(
    ("owner", "step"),
    [
        (mlflow.MlflowClient, "log_batch"),
        (ModelStore, "upload_evidence"),
        (ModelStore, "upload_model"),
        (mlflow.MlflowClient, "finalize_logged_model"),
        (mlflow.MlflowClient, "create_model_version"),
        (mlflow.MlflowClient, "set_registered_model_alias"),
    ],
)
def test_registering_again_after_a_fault_makes_no_second_version(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, owner: Any, step: str
) -> None:
    """Wherever the fault was, there is one MLflow run and one version, with everything in it."""
    break_once(monkeypatch, owner, step)
    with pytest.raises(OSError, match=step):
        bench.register()
    candidate = bench.register()
    assert bench.register() == candidate
    client = bench.store.client
    versions = client.search_model_versions("name = 'bench'")
    assert [str(version.version) for version in versions] == ["1"]
    (run,) = client.search_runs([bench.store.experiment("bench")])
    assert run.info.run_id == candidate.mlflow_run
    assert run.data.metrics["accuracy"] == 0.9
    np.testing.assert_array_equal(
        predict_here(candidate.file, sample_images(bench.inputs)),
        predict_here(bench.model, sample_images(bench.inputs)),
    )
    version = bench.store.version_by_alias(CHALLENGER)
    assert version is not None
    assert str(version.version) == candidate.version


@pytest.mark.parametrize(
    "step",
    ["set_model_version_tag", "set_registered_model_alias", "set_tag", "set_terminated"],
)
def test_recording_a_decision_again_after_a_fault_completes_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The recipe counts as judged only when the decision is recorded to its end."""
    candidate = bench.register()
    decision = bench.judge(candidate, 0.9, champion=None)
    break_once(monkeypatch, mlflow.MlflowClient, step)
    with pytest.raises(OSError, match=step):
        record_decision(bench.store, candidate, decision)
    if step != "set_terminated":
        assert find_judged_run(bench.store, "recipe-0.9") is None
    record_decision(bench.store, candidate, decision)
    record_decision(bench.store, candidate, decision)
    assert champion_version(bench.store) == candidate.version
    assert find_judged_run(bench.store, "recipe-0.9") is not None
    run = bench.store.client.get_run(candidate.mlflow_run)
    assert (run.info.status, run.data.tags[OUTCOME_TAG]) == ("FINISHED", "promoted")


def test_mlflows_global_uris_and_the_working_directory_are_untouched(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another use of MLflow in the same process keeps its own store."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    before = f"sqlite:///{tmp_path}/theirs.db"
    mlflow.set_tracking_uri(before)
    try:
        bench.retrain(0.9)
        assert find_champion(bench.store) is not None
        assert (mlflow.get_tracking_uri(), mlflow.get_registry_uri()) == (before, before)
    finally:
        mlflow.set_tracking_uri("")
    assert not list((tmp_path / "elsewhere").iterdir())
    assert not (tmp_path / "theirs.db").exists()


def test_a_home_can_be_moved(bench: Bench, tmp_path: Path) -> None:
    """The champion of a moved home is read from where the home is now."""
    bench.retrain(0.9)
    moved = bench.config.home.rename(tmp_path / "moved")
    champion = require_champion(ModelStore(Home("bench", moved)))
    assert champion.file.is_relative_to(moved)
    assert champion.file.is_file()


def test_a_location_outside_the_home_is_refused(bench: Bench) -> None:
    """A database that was tampered with, or copied from another home, names no other files."""
    bench.retrain(0.9)
    inside = bench.store.client.get_model_version("bench", "1").source
    for location in (
        "mlflow-artifacts:/../outside",
        "mlflow-artifacts:/bench/%2e%2e/%2e%2e/outside",
        "file:///etc",
        "/etc",
        inside,
    ):
        with closing(sqlite3.connect(bench.config.paths.database)) as database, database:
            database.execute("UPDATE model_versions SET storage_location = ?", (location,))
        if location == inside:
            assert find_champion(bench.store) is not None
            return
        with pytest.raises(PixelgateError, match="outside its home"):
            find_champion(bench.store)


def test_another_store_is_used_through_mlflow(
    fresh_bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a tracking URI only the ledger is under home; the champion is downloaded."""
    monkeypatch.chdir(tmp_path)
    registry = fresh_bench.config.registry.model_copy(
        update={"tracking_uri": f"sqlite:///{tmp_path}/central.db"}
    )
    central = dataclasses.replace(
        fresh_bench, config=fresh_bench.config.model_copy(update={"registry": registry})
    )
    candidate = central.retrain(0.9).candidate
    champion = require_champion(central.store)
    assert champion.contract == fresh_bench.inputs.contract
    assert champion_classes(central.store) == ("a", "b")
    paths = fresh_bench.config.paths
    # The downloaded champion, in a folder that ends with the command, counts for nothing.
    written = [
        file
        for file in paths.root.rglob("*")
        if file.is_file() and not file.is_relative_to(paths.scratch)
    ]
    assert {file.suffix for file in written} <= {".jsonl", ".lock"}
    assert central.store.ledger in written
    logged = central.store.client.list_artifacts(candidate.mlflow_run, "evaluation")
    assert {file.path for file in logged} == {
        "evaluation/predictions.json",
        "evaluation/predictions.parquet",
        "evaluation/probabilities.parquet",
    }
