"""`pixelgate` as a user calls it: in this process, or in one of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import absl.logging

from tests.image_trees import ROOT
from tests.processes import unmeasured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy as np
    import pytest

    from tasks.training.callbacks import OnEpoch
    from tasks.training.request import TrainingRequest
    from tasks.training.result import TrainedModel
    from tests.prefect_server import PrefectServer

# Converting a model takes a second of each run; tests that are about it ask for it.
NO_EXPORTS = {"PIXELGATE_EXPORTS__ONNX": "false"}
# What libraries say to developers, and no user of the command line should see.
NOISE = ("Traceback", "oneDNN", "temporary server", "Calculating Metrics", "mlflow.store")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed on stdout."""
        return json.loads(self.out)


class Command(Protocol):
    """Calls `pixelgate`, its home in the test's folder; commands that run a flow need `flow`."""

    def __call__(
        self,
        *arguments: object,
        env: Mapping[str, str] | None = None,
        flow: bool = False,
        minutes: float = 8,
    ) -> Ended:
        """Call it with these arguments and additional environment variables."""


@dataclass(frozen=True)
class CommandHere:
    """The console script's `main` in this process, which saves the start of an interpreter.

    Typer's `CliRunner` would call the app and miss `main`, which makes messages and exit codes of
    our errors.
    """

    folder: Path
    server: Callable[[], PrefectServer]
    patches: pytest.MonkeyPatch

    def __call__(
        self,
        *arguments: object,
        env: Mapping[str, str] | None = None,
        flow: bool = False,
        minutes: float = 8,
    ) -> Ended:
        """Call it; see `Command`. pytest-timeout ends a call that takes too long."""
        del minutes
        from flows.cli.main import main

        code: Any = 0
        with (
            self.patches.context() as patch,
            prefect_at(self.server if flow else None),
            _standard_streams() as (out, err),
        ):
            patch.setattr(sys, "argv", ["pixelgate", *map(str, arguments)])
            patch.setattr("tasks.runtime.progress._screen", None)
            patch.chdir(self.folder)
            home = {"PIXELGATE_HOME": self.folder / "home"}
            for name, value in {**home, **(NO_EXPORTS if flow else {}), **(env or {})}.items():
                patch.setenv(name, str(value))
            try:
                main()
            except SystemExit as end:
                code = end.code or 0
            sys.stdout.flush()
            return Ended(int(code), out.read_text("utf-8"), err.read_text("utf-8"))


@dataclass(frozen=True)
class CommandProcess:
    """`python -m flows.cli` in a process of its own."""

    folder: Path
    server: Callable[[], PrefectServer]

    def environment(
        self, *, flow: bool, env: Mapping[str, str] | None = None, measured: bool = True
    ) -> dict[str, str]:
        """Return the environment of the process; see `unmeasured`."""
        inherited = self.server().env if flow else os.environ
        return {
            **(inherited if measured else unmeasured(inherited)),
            "PYTHONPATH": str(ROOT),
            "PIXELGATE_HOME": str(self.folder / "home"),
            **(NO_EXPORTS if flow else {}),
            **(env or {}),
        }

    def __call__(
        self,
        *arguments: object,
        env: Mapping[str, str] | None = None,
        flow: bool = False,
        minutes: float = 8,
        measured: bool = True,
    ) -> Ended:
        """Call it; see `Command` and `unmeasured`."""
        ended = subprocess.run(
            command_of(*arguments),
            cwd=self.folder,
            env=self.environment(flow=flow, env=env, measured=measured),
            capture_output=True,
            text=True,
            timeout=minutes * 60,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)


def command_of(*arguments: object) -> list[str]:
    """Return the command line of a process."""
    return [sys.executable, "-m", "flows.cli", *map(str, arguments)]


def train_here(request: TrainingRequest, *, on_epoch: OnEpoch) -> TrainedModel:
    """Train as `worker.train_in_subprocess` does, in this process."""
    from tasks.training.train import train_model

    return train_model(request, on_epoch=on_epoch)


def predict_here(model: Path, images: np.ndarray) -> np.ndarray:
    """Load a saved model and predict, in this process."""
    import keras

    answers: np.ndarray = keras.saving.load_model(model).predict(images, verbose=0)
    return answers


def ask_here(model: Path, images: np.ndarray) -> Callable[[], np.ndarray]:
    """Ask a saved model as `saved_model.fresh_interpreter` does, in this process."""
    return lambda: predict_here(model, images)


@contextlib.contextmanager
def prefect_at(server: Callable[[], PrefectServer] | None) -> Iterator[None]:
    """Let flows of this process talk to the tests' server."""
    if server is None:
        yield
        return
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: server().url}):
        yield


@contextlib.contextmanager
def _standard_streams() -> Iterator[tuple[Path, Path]]:
    """Give this process a stdout and a stderr of its own, descriptors included; yield both files.

    A command redirects the descriptors, for the libraries that write to them, and then ends.
    """
    # Prefect closes all handlers when it sets up logging, and this one closes its stream: pytest's,
    # if TensorFlow was imported by an earlier test.
    absl.logging.get_absl_handler().python_handler.stream = sys.__stderr__
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        files = Path(folder, "stdout"), Path(folder, "stderr")
        for descriptor, file in enumerate(files, start=1):
            before = os.dup(descriptor)
            stack.callback(os.close, before)
            stack.callback(os.dup2, before, descriptor)
            with file.open("wb") as opened:
                os.dup2(opened.fileno(), descriptor)
        for descriptor, redirect in (
            (1, contextlib.redirect_stdout),
            (2, contextlib.redirect_stderr),
        ):
            # Never closed: a library that is imported now may keep it for its messages.
            stream = os.fdopen(descriptor, "w", encoding="utf-8", buffering=1, closefd=False)
            stack.enter_context(redirect(stream))
        yield files
