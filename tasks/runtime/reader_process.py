"""A process that reads files for this one, kept between calls, and the end of all such processes.

A decoder that crashes ends the process it runs in, so no file of the user's is decoded in the
command's own process.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Result = TypeVar("Result")
# Workers allocate and free arrays of some hundred kilobytes all the time. By default glibc gets
# each of them from the kernel, page by page, which costs an eighth of the time.
ENVIRONMENT = {
    "MALLOC_MMAP_THRESHOLD_": str(2**26),
    "MALLOC_TRIM_THRESHOLD_": str(2**27),
}
# Idle for longer, it ends; the next call starts another one.
IDLE_SECONDS = 20
PARENT_CHECK_SECONDS = 1.0

# Processes that nobody uses at the moment: one at most, unless threads read at the same time.
_idle: list[Any] = []


def call(function: Callable[..., Result], parent: int, arguments: tuple[Any, ...]) -> Result:
    """Call a function in a worker process that must not outlive its parent."""
    _end_with(parent)
    return function(*arguments)


def start_early(module: str) -> None:
    """Start the process before there is a file to read, and return at once.

    Args:
        module: what the process imports meanwhile.
    """
    pool, is_new = take()
    if is_new:
        with environment():
            pool.submit(call, _import, os.getpid(), (module,))
    keep(pool)


def take() -> tuple[Any, bool]:
    """Return a pool of one process, and whether it has read nothing yet.

    The caller returns it by `keep`, or shuts it down.
    """
    try:
        return _idle.pop(), False
    except IndexError:
        from joblib.externals.loky import ProcessPoolExecutor

        _end_idle_at_exit()
        return ProcessPoolExecutor(max_workers=1, timeout=IDLE_SECONDS), True


def keep(pool: Any) -> None:
    """Keep an intact pool for the next caller: to start a process costs most of a second."""
    if _idle:
        pool.shutdown(wait=False, kill_workers=True)
    else:
        _idle.append(pool)


def end_idle() -> None:
    """End the process that is kept: one that is left when Python exits leaves a traceback."""
    with contextlib.suppress(IndexError):
        while True:
            _idle.pop().shutdown(wait=True, kill_workers=True)


@functools.cache
def _end_idle_at_exit() -> None:
    # After loky's import, so that it comes before the end of what a shutdown needs.
    atexit.register(end_idle)


@contextlib.contextmanager
def environment() -> Iterator[None]:
    """Set variables for processes started in the meantime; what the user has set stays."""
    added = {name: value for name, value in ENVIRONMENT.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def _import(module: str) -> None:
    importlib.import_module(module)


@functools.cache
def _end_with(parent: int) -> None:
    """End this process when its parent has ended, however that was; ignore Ctrl-C.

    Ctrl-C reaches the whole process group, and the parent decides when this process ends.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, args=[parent], daemon=True).start()


def _watch(parent: int) -> None:
    # The system gives a process whose parent has ended another one.
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    os._exit(1)
