"""Ctrl-C that a library swallowed is raised again, until somebody of ours has heard it.

A KeyboardInterrupt appears wherever the interpreter is: in a library's event loop or clean-up, that
may take it for its own and go on. A retraining would then go on for days.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Longer than an exception takes from where it is raised to the first of ours.
SECONDS_TO_HEAR = 2.0

_heard = threading.Event()


@contextlib.contextmanager
def until_heard() -> Iterator[None]:
    """Raise KeyboardInterrupt on SIGINT again and again, for the time of a block.

    `heard` ends that. Where SIGINT means something else already, it still does; and a block outside
    of the main thread changes nothing.
    """
    before = signal.getsignal(signal.SIGINT)
    here = threading.current_thread() is threading.main_thread()
    if not here or before is not signal.default_int_handler:
        yield
        return
    _heard.clear()
    signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        _heard.set()
        signal.signal(signal.SIGINT, before)


def heard() -> None:
    """Say that a KeyboardInterrupt has arrived and that its clean-up has begun."""
    _heard.set()


def _interrupt(_signal: int, _frame: object) -> None:
    if not _heard.is_set():
        again = threading.Timer(SECONDS_TO_HEAR, _insist)
        again.daemon = True
        again.start()
    raise KeyboardInterrupt


def _insist() -> None:
    if not _heard.is_set():
        os.kill(os.getpid(), signal.SIGINT)
