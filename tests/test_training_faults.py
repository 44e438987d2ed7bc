"""What ends a training early: each fault has a clear end, and the last good weights are kept."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import pandas as pd
import pytest

from tasks.errors import PixelgateError, TrainingFailedError
from tasks.generators.inputs import build_inputs
from tasks.inventory.scan import inventory_of
from tasks.training.worker import train_in_subprocess
from tests.image_trees import config_for
from tests.processes import resident_mib, training_children, wait_until
from tests.trainings import quietly

if TYPE_CHECKING:
    from tests.command_line import Command
    from tests.image_trees import Tree
    from tests.trainings import Trainer


def test_max_minutes_ends_training_in_time(trainer: Trainer) -> None:
    """Far fewer epochs than planned, the best of them kept, and the reason told."""
    trainer.train("warm", training={"epochs": 1})
    started = time.monotonic()
    trained = trainer.train(training={"epochs": 100_000, "max_minutes": 0.05})
    assert time.monotonic() - started < 60
    assert 1 <= trained.epochs < 100_000
    assert "training.max_minutes = 0.05 ran out in epoch" in trained.ended
    assert trained.ended_well
    history = pd.read_csv(trained.history)
    assert history["val_accuracy"][trained.best_epoch - 1] == history["val_accuracy"].max()


def test_max_minutes_over_in_the_first_epoch_still_gives_a_model(
    trainer: Trainer, own_module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An epoch cut short is validated and kept."""
    monkeypatch.setenv("SECONDS_A_STEP", "1")
    settings = {"epochs": 5, "max_minutes": 0.05, "callbacks": [f"{own_module}:Slow"]}
    trained = trainer.train(training=settings)
    assert trained.epochs == trained.best_epoch == 1
    assert keras.saving.load_model(trained.path).predict(
        np.zeros((1, 16, 16, 1), "uint8"), verbose=0
    ).shape == (1, 3)


def test_a_loss_that_is_no_number_from_the_start_is_told(trainer: Trainer) -> None:
    """A learning rate far too high is named as the thing to change."""
    settings = {"optimizer": "sgd", "learning_rate": 3e38, "learning_rate_schedule": "constant"}
    with pytest.raises(TrainingFailedError, match=r"training\.learning_rate"):
        trainer.train(training=settings)


@pytest.mark.parametrize(
    ("callback", "reason"),
    [("Poison", "not a number in epoch 4"), ("Enlarge", "diverged: a loss of")],
)
def test_a_loss_gone_wrong_keeps_the_last_good_weights(
    trainer: Trainer, own_module: str, callback: str, reason: str
) -> None:
    """NaN and divergence in epoch 4 of 10 end training; the weights are those of before."""
    settings = {"epochs": 10, "callbacks": [f"{own_module}:{callback}"]}
    good = trainer.train("good", training={"epochs": 10})
    trained = trainer.train("bad", training=settings)
    assert reason in trained.ended
    assert not trained.ended_well
    assert trained.epochs == 4
    assert trained.best_epoch <= 3
    model = keras.saving.load_model(trained.path)
    assert all(np.isfinite(weights).all() for weights in model.get_weights())
    pd.testing.assert_frame_equal(pd.read_csv(good.history)[:3], pd.read_csv(trained.history)[:3])


def test_a_full_disk_is_told_and_loses_nothing(trainer: Trainer, own_module: str) -> None:
    """No more file can be written: the best weights and the step to go on from are named."""
    request = trainer.request("full", training={"epochs": 6, "callbacks": [f"{own_module}:NoRoom"]})
    with pytest.raises(TrainingFailedError, match=r"(?s)could not write its files.*after step 9"):
        train_in_subprocess(request, on_epoch=quietly)
    assert list(request.workspace.glob("best/*/*.weights.h5"))
    seen: list[int] = []
    roomy = trainer.train(
        "full", training={"epochs": 6}, on_epoch=lambda epoch, *_: seen.append(epoch)
    )
    assert roomy.epochs == 6
    assert seen[0] == 2


def test_memory_too_small_is_told_and_loses_nothing(trainer: Trainer, own_module: str) -> None:
    """However the system refuses memory, the run has a message and goes on from its backup."""
    request = trainer.request(
        "small", training={"epochs": 6, "callbacks": [f"{own_module}:NoMemory"]}
    )
    with pytest.raises(TrainingFailedError, match=r"(?s)emory.*The same command resumes"):
        train_in_subprocess(request, on_epoch=quietly)
    seen: list[int] = []
    resumed = trainer.train(
        "small", training={"epochs": 6}, on_epoch=lambda epoch, *_: seen.append(epoch)
    )
    assert resumed.epochs == 6
    assert seen[0] > 1


def test_a_training_process_killed_by_the_system_is_told(
    trainer: Trainer, own_module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The out-of-memory killer's signal: what happened, what to lower, where it goes on."""
    monkeypatch.setenv("SECONDS_A_STEP", "0.3")
    request = trainer.request("killed", training={"epochs": 6, "callbacks": [f"{own_module}:Slow"]})

    def kill() -> None:
        backups = request.workspace / "backup"
        wait_until(lambda: list(backups.glob("[0-9]*")), seconds=120, what="a backup")
        (child,) = training_children(os.getpid())
        os.kill(child, signal.SIGKILL)

    threading.Thread(target=kill).start()
    with pytest.raises(TrainingFailedError, match=r"SIGKILL.*batch_size.*resumes after step 9"):
        train_in_subprocess(request, on_epoch=quietly)


def test_an_unforeseen_fault_of_a_callback_is_told(trainer: Trainer, own_module: str) -> None:
    """A user's own mistake comes back as its message, not as a silence."""
    (trainer.home.parent / "users_own.py").write_text(
        "import keras\n"
        "class Faulty(keras.callbacks.Callback):\n"
        "    def on_epoch_end(self, epoch, logs=None):\n"
        "        raise KeyError('no such thing')\n"
    )
    request = trainer.request("faulty", training={"callbacks": [f"{own_module}:Faulty"]})
    with pytest.raises(TrainingFailedError, match="KeyError: 'no such thing'"):
        train_in_subprocess(request, on_epoch=quietly)


def test_no_room_for_the_decoded_images_is_told(
    image_tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first image is decoded, with the size that is wanted; nothing is left behind."""
    config = config_for(image_tree({"a": 20, "b": 20}))
    inventory = inventory_of(config)

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(PixelgateError, match=r"No room .* 0 MiB.* No space left"):
        build_inputs(inventory, config, directory=tmp_path / "run")
    assert not list(config.paths.decoded.iterdir())


def test_memory_of_a_serving_process_stays_flat(trainer: Trainer) -> None:
    """Training after training in one process: what they take goes with their own."""
    train_in_subprocess(trainer.request("first", training={"epochs": 1}), on_epoch=quietly)
    before = resident_mib()
    for number in range(2):
        train_in_subprocess(
            trainer.request(f"run{number}", training={"epochs": 1}), on_epoch=quietly
        )
    # A training takes some hundred MiB.
    assert resident_mib() - before < 30


def test_the_reason_is_in_the_summary_and_the_report(
    pixelgate: Command, image_tree: Tree, own_module: str
) -> None:
    """An operator reads why training ended early, and on what it ran."""
    root = image_tree({"a": 60, "b": 60, "c": 60})
    ended = pixelgate(
        *("run", "--data", root, "--json", "--set", "training.epochs=10"),
        *("--set", "generators.batch_size=16"),
        *("--set", f'training.callbacks=["{own_module}:Poison"]'),
        flow=True,
    )
    training = ended.json["training"]
    assert training["ended"] == "the loss was not a number in epoch 4"
    assert training["seed"] == 42
    assert "CPU cores" in training["hardware"]
    report = Path(ended.json["report"]).read_text()
    assert "Training ended early" in report
    assert "the loss was not a number in epoch 4" in report
    assert training["hardware"] in report
    assert "training ended early: the loss was not a number" in ended.err
