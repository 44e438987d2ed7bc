"""What training makes of the machine, and workers that train together."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pandas as pd
import pytest

from tasks.config.training import TrainingConfig
from tasks.errors import SettingsError
from tasks.storage.checked import write_checked_json
from tasks.training import hardware, precision
from tasks.training.hardware import choose_hardware
from tasks.training.result import read_trained
from tasks.training.workspace import Workspace
from tests.image_trees import ROOT
from tests.processes import free_ports, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.training.result import TrainedModel
    from tests.trainings import Trainer


def settled(**settings: Any) -> hardware.Hardware:
    """Settle for an epoch of 12 steps."""
    return choose_hardware(TrainingConfig(**settings)).for_steps(12)


def processor(folder: Path, flags: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the machine say that its processor has these flags."""
    (folder / "cpuinfo").write_text(f"processor : 0\nflags\t\t: {flags}\n\nprocessor : 1\n")
    monkeypatch.setattr(precision, "PROCESSOR", folder / "cpuinfo")


def test_without_bfloat16_nothing_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A processor that would emulate it trains in float32, and so does an unknown one."""
    processor(tmp_path, "fpu avx2 avx512f", monkeypatch)
    assert settled().with_precision(tmp_path / "kept").precision == "float32"
    monkeypatch.setattr(precision, "PROCESSOR", tmp_path / "missing")
    assert settled().with_precision(tmp_path / "kept").precision == "float32"
    assert not (tmp_path / "kept").exists()


def test_the_faster_precision_is_measured_and_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one training measured decides in the next ones; what is set wins over it."""
    processor(tmp_path, "fpu avx2 avx512_bf16", monkeypatch)
    first = settled().with_precision(tmp_path / "kept").precision
    (file,) = (tmp_path / "kept").iterdir()
    measured = json.loads(file.read_text())
    faster = measured["float32"] > 1.1 * measured["bfloat16"] > 0
    assert first == ("mixed_bfloat16" if faster else "float32")

    for bfloat16, chosen in ((0.5, "mixed_bfloat16"), (0.95, "float32"), (2.0, "float32")):
        write_checked_json(file, {"float32": 1.0, "bfloat16": bfloat16})
        assert settled().with_precision(tmp_path / "kept").precision == chosen
    wanted = settled(precision="mixed_bfloat16").with_precision(tmp_path / "kept")
    assert wanted.precision == "mixed_bfloat16"

    file.write_text("{torn")
    assert settled().with_precision(tmp_path / "kept").precision != "auto"
    assert json.loads(file.read_text())["float32"] > 0
    for aside in file.parent.glob(".damaged-*"):
        aside.unlink()

    processor(tmp_path, "fpu avx2 avx512_bf16 amx_bf16", monkeypatch)
    settled().with_precision(tmp_path / "kept")
    assert len(list((tmp_path / "kept").iterdir())) == 2  # another processor is measured itself


@pytest.mark.parametrize(("wanted", "steps"), [("auto", 1), (4, 4), (5, 4), (100, 12)])
def test_steps_per_execution_divide_an_epoch(wanted: Any, steps: int) -> None:
    """An epoch ends where it should."""
    assert settled(steps_per_execution=wanted).steps_per_execution == steps


def test_everything_is_said_in_one_line() -> None:
    """What was chosen is printed."""
    told = settled(precision="float32", jit_compile=True, steps_per_execution=4).description
    assert told == (
        f"on {os.cpu_count()} CPU cores: float32, XLA, 4 steps per execution, strategy single"
    )


def test_the_cluster_is_told_from_tf_config(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers train together; a cluster of one is none; nonsense is told."""
    cluster = {"worker": ["a:1", "b:2"]}
    task = {"type": "worker", "index": 1}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))
    found = settled()
    assert (found.strategy, found.workers, found.worker) == ("multi_worker", 2, 1)
    assert not found.is_chief
    assert "worker 1 of 2" in found.description
    assert settled(strategy="single").workers == 1
    with pytest.raises(SettingsError, match="max_minutes"):
        settled(max_minutes=3)
    monkeypatch.setenv("TF_CONFIG", "{")
    with pytest.raises(SettingsError, match="TF_CONFIG can't be read"):
        settled()
    for lacking in ({"cluster": cluster}, {"clusters": cluster, "task": task}):
        monkeypatch.setenv("TF_CONFIG", json.dumps(lacking))
        with pytest.raises(SettingsError, match="needs a cluster and a task"):
            settled()
    monkeypatch.setenv(
        "TF_CONFIG", json.dumps({"cluster": {"chief": ["c:3"], **cluster}, "task": task})
    )
    assert (settled().workers, settled().worker) == (3, 2)  # the chief's rank is 0
    monkeypatch.delenv("TF_CONFIG")
    with pytest.raises(SettingsError, match="needs TF_CONFIG"):
        settled(strategy="multi_worker")


def test_mirrored_trains_as_one_device_does(trainer: Trainer) -> None:
    """MirroredStrategy on the one device there is gives a model too."""
    trained = trainer.train(training={"epochs": 8, "strategy": "mirrored"})
    assert "strategy mirrored" in trained.hardware
    assert trained.epochs == 8


@pytest.mark.no_cover
def test_steps_per_execution_and_xla_train_alike(trainer: Trainer) -> None:
    """Three steps a call see the same data; XLA adds in another order."""
    plain, several, compiled = (
        pd.read_csv(trainer.train(name, training={"precision": "float32", **settings}).history)
        for name, settings in (
            ("plain", {}),
            ("several", {"steps_per_execution": 3}),
            ("compiled", {"jit_compile": True}),
        )
    )
    np.testing.assert_allclose(plain, several, rtol=1e-3)
    np.testing.assert_allclose(plain["loss"], compiled["loss"], rtol=0.05)


def start_workers(trainer: Trainer, kind: str, **training: Any) -> list[subprocess.Popen[bytes]]:
    """Start two processes that train one model together, each in folders of its own."""
    workers = [f"127.0.0.1:{port}" for port in free_ports(2)]
    started = []
    for index in range(2):
        request = trainer.request(f"{kind}{index}", training=training)
        task = {"type": "worker", "index": index}
        child = subprocess.Popen(
            [sys.executable, "-m", "tasks.training.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(ROOT), str(trainer.home.parent)]),
                "TF_CONFIG": json.dumps({"cluster": {"worker": workers}, "task": task}),
            },
        )
        assert child.stdin is not None
        pickle.dump(request, child.stdin)
        child.stdin.flush()
        started.append(child)
    return started


def ended_workers(
    trainer: Trainer, kind: str, started: list[subprocess.Popen[bytes]]
) -> tuple[list[TrainedModel], list[str]]:
    """Wait for both; return what each trained and what each told."""
    told = [child.stdout.read().decode() for child in started if child.stdout]
    assert [child.wait(timeout=200) for child in started] == [0, 0], told
    made = [read_trained(trainer.folders(f"{kind}{n}")["directory"]) for n in range(2)]
    return [one for one in made if one is not None], told


def same_weights(one: TrainedModel, other: TrainedModel) -> None:
    """Compare what is learned; each worker keeps the batch statistics of its own share."""
    first, second = (keras.saving.load_model(made.path) for made in (one, other))
    for a, b in zip(first.trainable_weights, second.trainable_weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_two_workers_train_one_model(
    trainer: Trainer, own_module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MultiWorkerMirroredStrategy in two processes: both end with the same weights.

    Killed, with one of them a backup behind the other, they end with the same weights too.
    """
    settings = {"epochs": 3, "precision": "float32", "backup_steps": 3}
    (chief, other), told = ended_workers(
        trainer, "worker", start_workers(trainer, "worker", **settings)
    )
    assert "worker 0 of 2" in chief.hardware
    assert (chief.is_chief, other.is_chief) == (True, False)
    same_weights(chief, other)
    assert chief.steps_per_epoch == other.steps_per_epoch
    assert "epoch" in told[0]

    monkeypatch.setenv("SECONDS_A_STEP", "0.4")
    settings["callbacks"] = [f"{own_module}:Slow"]
    killed = start_workers(trainer, "killed", **settings)
    places = [Workspace(trainer.folders(f"killed{n}")["workspace"]) for n in range(2)]
    wait_until(
        lambda: all(place.backup_of(chief.steps_per_epoch + 3).exists() for place in places),
        seconds=120,
        what="a backup in the second epoch",
    )
    for child in killed:
        child.kill()
        child.wait()
    shutil.rmtree(places[1].backup_of(places[1].intact_backups()[0]))
    ahead, behind = (place.intact_backups() for place in places)
    assert ahead[0] > behind[0] > 0
    monkeypatch.setenv("SECONDS_A_STEP", "0")
    (first, second), _ = ended_workers(
        trainer, "killed", start_workers(trainer, "killed", **settings)
    )
    same_weights(first, second)
    same_weights(first, chief)
    history, whole = (pd.read_csv(made.history) for made in (first, chief))
    np.testing.assert_allclose(history, whole, rtol=1e-4)
