"""Ctrl-C that a library swallows is raised again."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tasks.runtime.interrupts import heard, until_heard


def swallow(seconds: float) -> bool:
    """Wait as a library's event loop does, which takes the exception for its own."""
    try:
        time.sleep(seconds)
    except KeyboardInterrupt:
        return True
    return False


def test_a_swallowed_interrupt_comes_again() -> None:
    """Until it is heard, and never after that."""
    with until_heard():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert swallow(30)
        with pytest.raises(KeyboardInterrupt):
            time.sleep(30)
        heard()
        assert not swallow(2.5)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_ignored_interrupt_stays_ignored() -> None:
    """As in a shell's background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with until_heard():
            os.kill(os.getpid(), signal.SIGINT)
            assert not swallow(0.2)
    finally:
        signal.signal(signal.SIGINT, before)
