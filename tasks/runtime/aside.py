"""Calls a function in the process that reads files, or in a thread, while the caller goes on."""

from __future__ import annotations

import logging
import os
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from tasks.runtime import reader_process

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

log = logging.getLogger("pixelgate.runtime")


def call_aside(function: Callable[..., Result], *arguments: Any) -> Callable[[], Result]:
    """Start a call in the other process.

    Args:
        function: from a module that imports little, as the other process imports it.
        arguments: of the call; they are copied.

    Returns:
        A function that waits for the result. It raises what the call raises; if the other process
        died, it makes the call itself.
    """
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    pool, _ = reader_process.take()
    with reader_process.environment():
        future: Future[Result] = pool.submit(
            reader_process.call, function, os.getpid(), tuple(arguments)
        )
    # Whether or not anybody waits for it.
    future.add_done_callback(lambda done: _give_back(pool, done))

    def wait() -> Result:
        try:
            return future.result()
        except TerminatedWorkerError as error:
            log.warning("a process beside this one died, its work is done here: %s", error)
            return function(*arguments)

    return wait


def call_in_thread(function: Callable[[], Result]) -> Callable[[], Result]:
    """Start a call in a thread, for what computes outside of Python.

    Returns:
        A function that waits for the result, or raises what the call raises. Where nobody waits,
        nor does the end of this process.
    """
    future: Future[Result] = Future()

    def work() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001 - raised by the one who waits
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future.result


def _give_back(pool: Any, done: Future[Any]) -> None:
    if done.cancelled() or done.exception() is not None:
        pool.shutdown(wait=False, kill_workers=True)
    else:
        reader_process.keep(pool)
