"""A training process that is started before there is something to train."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tasks.errors import DataRejectedError, TrainingFailedError
from tasks.training import worker
from tasks.training.worker import train_in_subprocess
from tests.image_trees import ROOT, config_for
from tests.processes import children_running, training_children
from tests.trainings import quietly

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.image_trees import Tree
    from tests.trainings import Trainer


@pytest.fixture(autouse=True)
def no_process_left() -> Iterator[None]:
    """End what a failed test leaves."""
    yield
    worker.spare.end()


def test_the_process_that_waits_trains(trainer: Trainer) -> None:
    """One, however often it is started, and it trains as one that is started for it."""
    worker.spare.start()
    worker.spare.start()
    (early,) = training_children(os.getpid())
    seen: list[list[int]] = []
    request = trainer.request("early", training={"epochs": 1})
    trained = train_in_subprocess(
        request, on_epoch=lambda *_: seen.append(training_children(os.getpid()))
    )
    assert seen == [[early]]
    assert not training_children(os.getpid())
    assert trained.epochs == 1


def test_a_process_that_died_while_it_waited_is_replaced(trainer: Trainer) -> None:
    """As when memory ran out meanwhile: the training is none the worse for it."""
    worker.spare.start()
    (early,) = training_children(os.getpid())
    os.kill(early, signal.SIGKILL)
    os.waitid(os.P_PID, early, os.WEXITED | os.WNOWAIT)
    trained = train_in_subprocess(
        trainer.request("again", training={"epochs": 1}), on_epoch=quietly
    )
    assert trained.epochs == 1


def test_a_process_that_nobody_needs_ends() -> None:
    """Data that is rejected, or a training that is kept, sends it no request."""
    worker.spare.start()
    assert len(training_children(os.getpid())) == 1
    worker.spare.end()
    assert not training_children(os.getpid())


def test_a_library_that_cannot_be_imported_is_told(
    trainer: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the process that waited for a request, in the words of the import."""
    (tmp_path / "keras.py").write_text("raise ImportError('libcudnn.so.9: cannot open')\n")
    request = trainer.request("broken", training={"epochs": 1})
    monkeypatch.syspath_prepend(tmp_path)
    worker.spare.start()
    with pytest.raises(TrainingFailedError, match=r"libcudnn\.so\.9: cannot open"):
        train_in_subprocess(request, on_epoch=quietly)


def test_a_run_that_ends_early_leaves_no_process(image_tree: Tree) -> None:
    """Its data is rejected after both were started; a program that calls the flow goes on."""
    from tasks.orchestration import early_processes
    from tasks.orchestration.run_scope import RunScope

    with RunScope(config_for(image_tree())):
        early_processes.start_training_process()
        early_processes.start_interpreter()
        assert training_children(os.getpid())
        assert children_running(b"keras.saving.load_model")
        raise DataRejectedError("no")
    assert not training_children(os.getpid())
    assert not children_running(b"keras.saving.load_model")


def test_a_parent_that_ends_without_a_request_is_no_error() -> None:
    """However it ended: nothing is printed, and the exit code is 0."""
    ended = subprocess.run(
        [sys.executable, "-m", "tasks.training.worker"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, "")
    assert "Traceback" not in ended.stderr
