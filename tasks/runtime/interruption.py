"""Signals as exceptions: raised once for a clean end, and found in what failed because of one."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


class Interrupted(BaseException):
    """SIGINT or SIGTERM arrived; everything that is open is closed on the way out.

    Attributes:
        signal: its number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


def interruption_of(error: BaseException | None) -> int | None:
    """Return the number of the signal that an exception comes from; None if there was none.

    A signal may arrive anywhere in a library, whose clean-up then fails with an error of its own:
    so the exceptions are asked too that this one was raised from, or while handling.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, Interrupted):
            return error.signal
        if isinstance(error, KeyboardInterrupt):
            return signal.SIGINT
        # Prefect's own, while a flow runs; by name, as Prefect takes seconds to import.
        if type(error).__name__ == "TerminationSignal":
            return signal.SIGTERM
        error = error.__cause__ or error.__context__
    return None


@contextlib.contextmanager
def interrupted_once() -> Iterator[None]:
    """Raise `Interrupted` at the first SIGINT or SIGTERM, and ignore all others until the end.

    A second Ctrl-C of somebody who is impatient must not cut the clean-up short that the first one
    began.
    """
    numbers = signal.SIGINT, signal.SIGTERM

    def interrupt(number: int, _frame: object) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(number)

    before = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@contextlib.contextmanager
def lost_signals_raised() -> Iterator[Callable[[], None]]:
    """Yield a function that raises `Interrupted` if SIGINT or SIGTERM has arrived in the meantime.

    The exception of a signal's handler is lost where it comes up in a callback of an extension
    module that can only print it, as when Prefect sends an artifact. Call the function between the
    steps of what takes long, so that the signal is obeyed at the next one. Outside of the main
    thread, which alone gets signals, it does nothing.
    """
    arrived: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM) if _is_main_thread() else ()
    # What is ignored, or ends the process at once, raises nothing that could be lost.
    before = {
        number: handler for number in numbers if callable(handler := signal.getsignal(number))
    }

    def remember(number: int, frame: FrameType | None) -> None:
        arrived.append(number)
        before[signal.Signals(number)](number, frame)

    def raise_lost() -> None:
        if arrived:
            raise Interrupted(arrived[0])

    for number in before:
        signal.signal(number, remember)
    try:
        yield raise_lost
    finally:
        for number, handler in before.items():
            # The handler itself may have set another one.
            if signal.getsignal(number) is remember:
                signal.signal(number, handler)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
