"""A training in a process of its own: what it takes from memory goes with it, however it ends.

The parent sends a pickled request to the child's stdin and holds that pipe open; the child answers
on stdout with a line of JSON an event. When the parent dies the pipe breaks, and the child with it,
so that two trainings never write in one workspace.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from tasks import errors
from tasks.runtime import environment

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.config.schema import RetrainConfig
    from tasks.generators.inputs import Inputs
    from tasks.training.callbacks import OnEpoch
    from tasks.training.initial_weights import InitialModel
    from tasks.training.result import TrainedModel

# An orphan of a killed run notices within a moment; this is for a machine that swaps.
PATIENCE = 120.0

log = logging.getLogger("pixelgate.training")


@dataclass(frozen=True)
class Request:
    """What `train_model` is to be called with; see there."""

    inputs: Inputs
    config: RetrainConfig
    workspace: Path
    directory: Path
    champion: InitialModel | None


def train_in_subprocess(request: Request, *, on_epoch: OnEpoch) -> TrainedModel:
    """Train as `stage.train_model` does, in a child process.

    Args:
        request: its arguments.
        on_epoch: called in this process; if it raises, the child is ended.

    Raises:
        PixelgateError: as `train_model`.
        TrainingFailedError: also when the child was killed, such as by a system out of memory.
    """
    from tasks.training.result import read_trained

    environment.prepare()
    with subprocess.Popen(
        [sys.executable, "-m", "tasks.training.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as child:
        try:
            failure = _converse(child, request, on_epoch)
            code = child.wait()
        finally:
            child.kill()
    if failure is not None:
        raise failure
    trained = read_trained(request.directory)
    if trained is None:
        raise errors.TrainingFailedError(_tell_death(code, request.workspace))
    return trained


def _converse(
    child: subprocess.Popen[bytes], request: Request, on_epoch: OnEpoch
) -> errors.PixelgateError | None:
    """Send the request and follow the events; return the error the child told of, if any."""
    assert child.stdin is not None  # noqa: S101 - both are pipes, as asked for
    assert child.stdout is not None  # noqa: S101 - as above
    try:
        pickle.dump(request, child.stdin)
        child.stdin.flush()
    except BrokenPipeError:
        return None
    failure = None
    for line in child.stdout:
        event = json.loads(line)
        if event["event"] == "epoch":
            on_epoch(event["epoch"], event["epochs"], event["metrics"])
        elif event["event"] == "log":
            log.log(event["level"], "%s", event["message"])
        else:
            failure = getattr(errors, event["kind"])(event["message"])
    return failure


def _tell_death(code: int, workspace: Path) -> str:
    from tasks.training.checkpoints import Workspace

    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    why = (
        " Most often the system does that when memory runs out: lower generators.batch_size,"
        " generators.target_size or training.model."
        if -code in (signal.SIGKILL, signal.SIGABRT, signal.SIGBUS)
        else ""
    )
    return f"The training process {how}.{why} {Workspace(workspace).resume_message}"


def main() -> None:
    """Train what the parent asks for, and tell it of each event."""
    # Ctrl-C reaches the whole group; the parent decides what becomes of this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    events = os.fdopen(os.dup(1), "w", buffering=1)
    # What the libraries print is for the log, not for the parent.
    os.dup2(2, 1)
    request: Request = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own parent
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _forward_log(events)
    try:
        _train(request, events)
    except errors.PixelgateError as error:
        _tell(events, "error", kind=type(error).__name__, message=str(error))
    except Exception as error:  # noqa: BLE001 - the parent has to be told of any
        traceback.print_exc()
        _tell(
            events,
            "error",
            kind="TrainingFailedError",
            message=f"{type(error).__name__}: {error}\nThe traceback is in the log.",
        )


def _train(request: Request, events: IO[str]) -> None:
    from tasks.training.train import train_model
    from tasks.training.training_cache import training_lock

    request.workspace.parent.mkdir(parents=True, exist_ok=True)
    # The child of a run that was killed a moment ago may not be gone yet.
    with training_lock(request.workspace).acquire(timeout=PATIENCE):
        train_model(
            request.inputs,
            request.config,
            workspace=request.workspace,
            directory=request.directory,
            champion=request.champion,
            on_epoch=lambda epoch, epochs, metrics: _tell(
                events, "epoch", epoch=epoch, epochs=epochs, metrics=metrics
            ),
        )


def _die_with_parent() -> None:
    """Wait for the end of stdin, which only the parent's end brings.

    Past `sys.stdin`, whose lock this thread would hold while the interpreter shuts down.
    """
    os.read(0, 1)
    os._exit(1)


def _tell(events: IO[str], event: str, **content: Any) -> None:
    events.write(json.dumps({"event": event, **content}) + "\n")


def _forward_log(events: IO[str]) -> None:
    class Forward(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            _tell(events, "log", level=record.levelno, message=record.getMessage())

    ours = logging.getLogger("pixelgate")
    ours.setLevel(logging.INFO)
    ours.addHandler(Forward())
    ours.propagate = False


if __name__ == "__main__":
    # Pickled records name the module they are of, which is not __main__.
    from tasks.training.worker import main as run

    run()
