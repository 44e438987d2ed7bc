"""A signal is obeyed even if the exception of its handler was lost on the way."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from tasks.runtime.interruption import Interrupted, lost_signals_raised

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class Forgetful:
    """Lose what is raised at its end, as callbacks of extension modules do."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        """Get a signal."""
        os.kill(os.getpid(), self.number)
        # The handler runs between two of these steps.
        for _ in range(1_000):
            pass


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM])
def number(request: pytest.FixtureRequest) -> Iterator[int]:
    """Return a signal whose handler raises."""

    def interrupt(number: int, _frame: FrameType | None) -> None:
        raise Interrupted(number)

    before = signal.signal(request.param, interrupt)
    yield request.param
    assert signal.getsignal(request.param) is interrupt
    signal.signal(request.param, before)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_lost_signal_is_raised_at_the_next_step(number: int) -> None:
    """Not before, and not if there was none."""
    with lost_signals_raised() as raise_lost:
        raise_lost()
        Forgetful(number)
        with pytest.raises(Interrupted) as raised:
            raise_lost()
    assert raised.value.signal == number


def test_a_signal_that_is_not_lost_is_raised_at_once(number: int) -> None:
    """By the handler that was there before."""
    with pytest.raises(Interrupted), lost_signals_raised():
        os.kill(os.getpid(), number)


def test_other_threads_do_without() -> None:
    """Only the main thread can set handlers."""
    handler = signal.getsignal(signal.SIGTERM)
    within = []

    def work() -> None:
        with lost_signals_raised() as raise_lost:
            raise_lost()
            within.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert within == [handler]
