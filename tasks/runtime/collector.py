"""Pauses Python's garbage collector while large libraries are imported."""

from __future__ import annotations

import contextlib
import gc
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Pauses:
    """How many pauses there are at the moment, of all threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0
        self.was_enabled = False


_pauses = _Pauses()


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Collect nothing in the meantime, in no thread; what there is at its end counts as permanent.

    An import makes hundreds of thousands of objects that stay, which the collector would look
    through again and again: a fifth of the time of importing Great Expectations or Prefect, and
    half a second each time that a run with all of them collects.
    """
    with _pauses.lock:
        if _pauses.count == 0:
            _pauses.was_enabled = gc.isenabled()
            gc.disable()
        _pauses.count += 1
    try:
        yield
    finally:
        with _pauses.lock:
            _pauses.count -= 1
            if _pauses.count == 0 and _pauses.was_enabled:
                gc.freeze()
                gc.enable()
