"""A training request goes in; a child process trains, and its memory is freed however it ends.

The parent sends a pickled request to the child's stdin and keeps that pipe open; the child writes
one line of JSON per event to stdout. When the parent dies the pipe breaks, and the child ends too,
so that two trainings never write to one workspace.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
from typing import IO, TYPE_CHECKING, Any

from tasks import errors
from tasks.runtime import environment
from tasks.runtime.collector import collector_paused
from tasks.runtime.interruption import lost_signals_raised
from tasks.runtime.spare import Spare

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.training.callbacks import OnEpoch
    from tasks.training.request import TrainingRequest
    from tasks.training.result import TrainedModel

# Seconds. The child of a killed run ends within moments; this is for a machine that swaps.
LOCK_TIMEOUT = 120.0

log = logging.getLogger("pixelgate.training")


def train_in_subprocess(request: TrainingRequest, *, on_epoch: OnEpoch) -> TrainedModel:
    """Train as `train.train_model` does, in a child process.

    Args:
        request: data, settings and folders.
        on_epoch: called in this process; if it raises, the child is ended.

    Raises:
        PixelgateError: as `train_model`.
        TrainingFailedError: also if the child was killed, for example when memory ran out.
    """
    from tasks.training.result import read_trained

    with lost_signals_raised() as raise_lost, spare.take() as child:
        try:
            failure = _follow(child, request, on_epoch, raise_lost)
            code = child.wait()
        finally:
            # Also when on_epoch raised: a search stops a trial that way.
            child.kill()
    if failure is not None:
        raise failure
    trained = read_trained(request.directory)
    if trained is None:
        raise errors.TrainingFailedError(_describe_death(code, request.workspace))
    return trained


def _start() -> subprocess.Popen[bytes]:
    environment.prepare()
    return subprocess.Popen(
        [sys.executable, "-m", "tasks.training.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment.of_child(),
    )


def _end(child: subprocess.Popen[bytes]) -> None:
    with child:
        child.kill()


# Its imports take seconds, for which it needs no request.
spare = Spare(_start, has_ended=lambda child: child.poll() is not None, end=_end)


def _follow(
    child: subprocess.Popen[bytes],
    request: TrainingRequest,
    on_epoch: OnEpoch,
    raise_lost: Callable[[], None],
) -> errors.PixelgateError | None:
    """Send the request and handle the events; return the error the child reports, if any."""
    assert child.stdin is not None  # noqa: S101 - both are pipes, as requested
    assert child.stdout is not None  # noqa: S101 - as above
    try:
        pickle.dump(request, child.stdin)
        child.stdin.flush()
    except BrokenPipeError:
        # The child died while it started; its exit code says more than the pipe.
        return None
    failure = None
    for line in child.stdout:
        raise_lost()
        event = json.loads(line)
        if event["event"] == "epoch":
            on_epoch(event["epoch"], event["epochs"], event["metrics"])
        elif event["event"] == "log":
            log.log(event["level"], "%s", event["message"])
        else:
            failure = getattr(errors, event["kind"])(event["message"])
    return failure


def _describe_death(code: int, workspace: Path) -> str:
    from tasks.training.workspace import Workspace

    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    why = (
        " The system usually does that when memory runs out: lower generators.batch_size,"
        " generators.target_size or training.model."
        if -code in (signal.SIGKILL, signal.SIGABRT, signal.SIGBUS)
        else ""
    )
    return f"The training process {how}.{why} {Workspace(workspace).resume_message}"


def main() -> None:
    """Train what the parent requests, and send it each event."""
    # Ctrl-C reaches the whole process group; the parent decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    events = os.fdopen(os.dup(1), "w", buffering=1)
    # What the libraries print belongs in the log, not among the events.
    os.dup2(2, 1)
    # While there is no request yet. What fails here fails again, and is reported, where it is used.
    with contextlib.suppress(Exception), collector_paused():
        import tasks.training.train
        import tasks.training.training_cache  # noqa: F401
    try:
        request: TrainingRequest = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own parent
    except EOFError:
        # The parent has ended without one.
        return
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _forward_log(events)
    try:
        _train(request, events)
    except errors.PixelgateError as error:
        _send(events, "error", kind=type(error).__name__, message=str(error))
    except Exception as error:  # noqa: BLE001 - the parent has to hear of any
        traceback.print_exc()
        _send(
            events,
            "error",
            kind="TrainingFailedError",
            message=f"{type(error).__name__}: {error}\nThe traceback is in the log.",
        )


def _train(request: TrainingRequest, events: IO[str]) -> None:
    from tasks.training.train import train_model
    from tasks.training.training_cache import training_lock

    request.workspace.parent.mkdir(parents=True, exist_ok=True)
    # The child of a run that was killed a moment ago may still be ending.
    with training_lock(request.workspace).acquire(timeout=LOCK_TIMEOUT):
        train_model(
            request,
            on_epoch=lambda epoch, epochs, metrics: _send(
                events, "epoch", epoch=epoch, epochs=epochs, metrics=metrics
            ),
        )


def _die_with_parent() -> None:
    """Wait for the end of stdin, which comes only when the parent ends."""
    # Not by sys.stdin, whose lock this thread would hold while the interpreter shuts down.
    os.read(0, 1)
    os._exit(1)


def _send(events: IO[str], event: str, **content: Any) -> None:
    events.write(json.dumps({"event": event, **content}) + "\n")


def _forward_log(events: IO[str]) -> None:
    class Forward(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            _send(events, "log", level=record.levelno, message=record.getMessage())

    ours = logging.getLogger("pixelgate")
    ours.setLevel(logging.INFO)
    ours.addHandler(Forward())
    ours.propagate = False


if __name__ == "__main__":
    main()
