"""Processes that start before they are needed, as their imports take seconds, and their end.

To start one early is a gain and never a need: where that fails, it starts when it is needed.
"""

from __future__ import annotations

import contextlib
import sys

TRAINING, SAVED_FILE = "tasks.training.worker", "tasks.model_gate.saved_model"


def start_training_process() -> None:
    """Start the process that trains."""
    from tasks.training import worker

    with contextlib.suppress(OSError):
        worker.spare.start()


def start_interpreter() -> None:
    """Start the interpreter that checks the saved file."""
    from tasks.model_gate import saved_model

    with contextlib.suppress(OSError):
        saved_model.spare.start()


def end_waiting() -> None:
    """End what a run has started and not used, as its data was rejected, say."""
    for name in (TRAINING, SAVED_FILE):
        # A run that ended before it started one imports nothing for it.
        if name in sys.modules:
            sys.modules[name].spare.end()
