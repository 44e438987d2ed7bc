"""One retraining per model at a time, no matter which process or schedule starts it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tasks.errors import RunInProgressError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.storage.home import Home

ASKING_SECONDS = 0.5


@contextmanager
def run_lock(home: Home) -> Iterator[None]:
    """Hold the model's lock; the system releases it when the process ends, even if it is killed.

    Raises:
        RunInProgressError: another process holds it.
    """
    from filelock import FileLock, Timeout

    home.state.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home.lock)
    try:
        # A second run waiting here would retrain on what the first one has just learned. Only as
        # long as somebody takes who asks whether a run is in progress.
        lock.acquire(timeout=ASKING_SECONDS)
    except Timeout:
        raise RunInProgressError(
            f"Another retraining of the model {home.name} is running in {home.root}. Wait for it to"
            " end (`pixelgate runs`), or use another name."
        ) from None
    try:
        yield
    finally:
        lock.release()
