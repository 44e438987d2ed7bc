"""A training that is killed goes on where it was, and ends as if nothing had happened."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pandas as pd
import pytest

from tasks.config.schema import RetrainConfig
from tasks.training import training_cache
from tasks.training.worker import train_in_subprocess
from tasks.training.workspace import Workspace
from tests.command_line import command_of
from tests.image_trees import ROOT
from tests.processes import leave_half_written, training_children, unmeasured, wait_until

if TYPE_CHECKING:
    from tests.command_line import Command, CommandProcess
    from tests.image_trees import Tree
    from tests.trainings import Trainer

# Nine steps an epoch, so that step 13 is in the middle of the second.
SETTINGS: dict[str, Any] = {"epochs": 4, "backup_steps": 4}


def steps_backed_up(workspace: Path) -> list[int]:
    """Return the steps of the backups there are."""
    return [int(folder.name) for folder in (workspace / "backup").glob("[0-9]*")]


def same_training(one: Any, other: Any) -> None:
    """Compare every figure of every epoch, and every weight."""
    pd.testing.assert_frame_equal(pd.read_csv(one.history), pd.read_csv(other.history))
    assert one.best_epoch == other.best_epoch
    first, second = (keras.saving.load_model(made.path) for made in (one, other))
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def kill_after(request: Any, step: int) -> None:
    """Start a training in a real process and end it with SIGKILL once a step is backed up."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tasks.training.worker"],
        env=unmeasured(os.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert child.stdin is not None
    with child.stdin:
        pickle.dump(request, child.stdin)
        child.stdin.flush()
        wait_until(
            lambda: max(steps_backed_up(request.workspace), default=0) >= step,
            seconds=120,
            what=f"a backup of step {step}",
        )
        child.send_signal(signal.SIGKILL)
        child.wait()


def test_a_training_killed_with_sigkill_ends_as_an_uninterrupted_one(
    trainer: Trainer, own_module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the first epoch, and again in the middle of the second."""
    settings = {**SETTINGS, "callbacks": [f"{own_module}:Slow"]}
    whole = trainer.train("whole", training=settings)
    request = trainer.request("killed", training=settings)
    monkeypatch.setenv("SECONDS_A_STEP", "0.3")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(trainer.home.parent)]))
    for step in (4, 13):
        kill_after(request, step)
    monkeypatch.delenv("SECONDS_A_STEP")
    last = max(steps_backed_up(request.workspace))
    seen: list[int] = []
    resumed = train_in_subprocess(request, on_epoch=lambda epoch, *_: seen.append(epoch))
    assert seen == list(range(last // 9 + 1, 5))
    assert len(seen) < 4
    same_training(whole, resumed)
    assert not request.workspace.exists()


def test_a_torn_backup_is_not_believed(trainer: Trainer, caplog: pytest.LogCaptureFixture) -> None:
    """A changed file, a missing one and a half-written folder: the one before is taken."""

    class Cut(Exception):  # noqa: N818 - what the test pretends happens
        pass

    def cut(epoch: int, *_: object) -> None:
        if epoch == 2:
            raise Cut

    whole = trainer.train("whole", training=SETTINGS)
    with pytest.raises(Cut):
        trainer.train("cut", training=SETTINGS, on_epoch=cut)
    place = Workspace(trainer.folders("cut")["workspace"])
    assert place.intact_backups()[0] == 18
    (place.backups / ".0badc0de").mkdir()
    newest = place.backup_of(18) / "state.weights.h5"
    newest.write_bytes(newest.read_bytes()[:-5] + b"wrong")
    resumed = trainer.train("cut", training=SETTINGS)
    assert "step 18 is damaged" in caplog.text
    same_training(whole, resumed)


def test_a_backup_that_falls_on_an_epochs_end(trainer: Trainer) -> None:
    """Step 9 is the first epoch's last one."""
    settings = {**SETTINGS, "epochs": 2, "backup_steps": 9}
    assert trainer.train("on_the_end", training=settings).epochs == 2


def test_a_finished_training_that_lost_a_file_is_made_again(trainer: Trainer) -> None:
    """The rest of it doesn't stand in the way."""
    settings = {**SETTINGS, "epochs": 1}
    whole = trainer.train("lost", training=settings)
    weights = keras.saving.load_model(whole.path).get_weights()
    whole.path.unlink()
    again = trainer.train("lost", training=settings)
    for a, b in zip(weights, keras.saving.load_model(again.path).get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.no_cover
def test_a_frozen_base_is_resumed_in_its_phase(trainer: Trainer) -> None:
    """Cut at the end of the frozen epochs, and in fine-tuning."""

    class Cut(Exception):  # noqa: N818 - what the test pretends happens
        pass

    base = trainer.train("base", training={"epochs": 3})
    settings = {**SETTINGS, "weights": base.path, "frozen_epochs": 2}
    whole = trainer.train("whole", training=settings)
    for at in (2, 3):

        def cut(epoch: int, *_: object, at: int = at) -> None:
            if epoch == at:
                raise Cut

        with pytest.raises(Cut):
            trainer.train(f"cut{at}", training=settings, on_epoch=cut)
        same_training(whole, trainer.train(f"cut{at}", training=settings))


def kill_in_training(command: list[str], env: dict[str, str], folder: Path, step: int) -> None:
    """Start a run in a real process and kill it once a step is backed up; its child ends too."""
    trainings = folder / "home/state/training"
    run = subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_until(
        lambda: any(
            done >= step for work in trainings.glob("*/") for done in steps_backed_up(work)
        ),
        seconds=180,
        what=f"a backup of step {step}",
    )
    (child,) = training_children(run.pid)
    run.send_signal(signal.SIGKILL)
    run.wait()
    wait_until(lambda: not Path(f"/proc/{child}").exists(), seconds=60, what="the child's end")


def test_a_run_killed_in_training_resumes_and_is_promoted(
    pixelgate: Command,
    pixelgate_process: CommandProcess,
    image_tree: Tree,
    own_module: str,
) -> None:
    """The same command: the child dies with its parent, no epoch is lost, a done stage stays."""
    root = image_tree({"a": 60, "b": 60, "c": 60})
    arguments = [
        *("run", "--data", root, "--name", "resumed", "--json", "--set", "training.epochs=4"),
        *("--set", "generators.batch_size=16", "--set", "training.backup_steps=4"),
        *("--set", f'training.callbacks=["{own_module}:Slow"]'),
    ]
    slow = pixelgate_process.environment(flow=True, env={"SECONDS_A_STEP": "0.3"}, measured=False)
    kill_in_training(command_of(*arguments), slow, pixelgate_process.folder, step=12)

    resumed = pixelgate(*arguments, flow=True)
    assert resumed.json["outcome"] == "promoted", resumed.err
    assert "resuming an interrupted training after step" in resumed.err
    assert "epoch 1/4" not in resumed.err
    assert "epoch 2/4" in resumed.err
    assert resumed.json["training"]["epochs"] == 4

    # What had finished is not done again, though its run left no trace in the registry.
    for file in pixelgate_process.folder.glob("home/state/mlflow*"):
        file.unlink() if file.is_file() else shutil.rmtree(file)
    # Nor in runs/, which would tell of a champion that the store lost.
    shutil.rmtree(pixelgate_process.folder / "home/runs")
    again = pixelgate_process(*arguments, flow=True, measured=False)
    assert again.json["outcome"] == "promoted", again.err
    assert "epoch " not in again.err
    assert again.json["metrics"] == resumed.json["metrics"]
    states = pixelgate_process.server().ask(
        "/task_runs/filter", task_runs={"state": {"name": {"any_": ["Cached"]}}}
    )
    assert {state["name"] for state in states} >= {"train resumed", "evaluate resumed"}

    # In a process of its own: this one still has the removed store open.
    forced = pixelgate_process(*arguments, "--force", flow=True, measured=False)
    assert "epoch 1/4" in forced.err
    assert forced.json["training"]["ended"] == "all epochs done"


def test_old_trainings_are_forgotten_and_half_written_ones_are_no_trainings(
    tmp_path: Path,
) -> None:
    """The last few stay whatever a killed process left beside them."""
    config = RetrainConfig(home=tmp_path)
    folder = config.paths.state / "trained"
    for number in range(training_cache.KEPT + 2):
        made = folder / f"{number:032d}"
        made.mkdir(parents=True)
        os.utime(made, times=(1e9 + number, 1e9 + number))
    leave_half_written(folder, "model.keras")
    training_cache.prune_trainings(config.paths)
    left = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    assert left == [
        ".1234abcd.running",
        *(f"{number:032d}" for number in range(2, training_cache.KEPT + 2)),
    ]
