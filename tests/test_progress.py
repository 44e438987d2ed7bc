"""Progress of long work: a bar where a user is looking, log lines where nobody is."""

from __future__ import annotations

import io
import logging
import os
import select
from typing import TYPE_CHECKING

from tasks.runtime import progress

if TYPE_CHECKING:
    import pytest

BATCHES = [["a", "b"], ["c"], ["d", "e", "f"]]


def read_until(terminal: int, end: str) -> str:
    """Read what a pseudo-terminal shows; the kernel may pass it on in several pieces."""
    shown = ""
    while not shown.endswith(end) or "6/6" not in shown:
        ready, _, _ = select.select([terminal], [], [], 10)
        if not ready:
            break
        shown += os.read(terminal, 2**16).decode()
    return shown


def test_a_terminal_shows_a_bar_that_disappears(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It counts items, not batches, and what is printed meanwhile goes where it always does."""
    terminal, screen = os.openpty()
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", -1.0)
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(screen, "w") as stream, caplog.at_level(logging.INFO, "pixelgate"):
        monkeypatch.setattr(progress, "_screen", stream)
        printed = io.StringIO()
        monkeypatch.setattr("sys.stdout", printed)
        for batch in progress.track(iter(BATCHES), total=6, description="decode", unit="images"):
            print(*batch)  # noqa: T201 - what a library may do
        shown = read_until(terminal, "\x1b[2K")
    os.close(terminal)
    assert "decode" in shown
    assert "6/6" in shown
    assert shown.endswith("\x1b[2K")
    assert printed.getvalue() == "a b\nc\nd e f\n"
    assert not caplog.records


def test_without_a_terminal_there_are_log_lines(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One every ten seconds at most; the batches pass unchanged."""
    stream = io.StringIO()
    monkeypatch.setattr(progress, "_screen", stream)
    with caplog.at_level(logging.INFO, "pixelgate"):
        assert list(progress.track(BATCHES, total=6, description="decode")) == BATCHES
        assert not caplog.records
        monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", -1.0)
        list(progress.track(BATCHES, total=6, description="decode"))
    assert [record.getMessage() for record in caplog.records] == [
        "decode: 2 of 6 files",
        "decode: 3 of 6 files",
        "decode: 6 of 6 files",
    ]
    assert not stream.getvalue()
