"""Pauses Python's garbage collector while large libraries are imported."""

from __future__ import annotations

import contextlib
import gc
import sys
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
        self.modules = 0


_pauses = _Pauses()


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Collect nothing in the meantime, in no thread; what was imported then counts as permanent.

    An import makes hundreds of thousands of objects that stay, which the collector would look
    through again and again: a fifth of the time of importing Great Expectations or Prefect, and
    half a second each time that a run with all of them collects.
    """
    with _pauses.lock:
        if _pauses.count == 0:
            _pauses.was_enabled = gc.isenabled()
            _pauses.modules = len(sys.modules)
            gc.disable()
        _pauses.count += 1
    try:
        yield
    finally:
        with _pauses.lock:
            _pauses.count -= 1
            if _pauses.count == 0:
                # Where all was imported before, only garbage would be kept for ever.
                if len(sys.modules) > _pauses.modules:
                    gc.freeze()
                if _pauses.was_enabled:
                    gc.enable()
