"""on_outcome: a real command and a real HTTP server are told."""

from __future__ import annotations

import json
import logging
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from tasks.config.notify import NotifyConfig
from tasks.runs.notification import notify

if TYPE_CHECKING:
    from pathlib import Path

SUMMARY = {"outcome": "data_rejected", "run_id": "r1"}


def test_a_command_reads_the_summary(tmp_path: Path) -> None:
    """The JSON is its standard input."""
    told = tmp_path / "told.json"
    command = f"{sys.executable} -c \"import sys; open('{told}', 'w').write(sys.stdin.read())\""
    assert notify(SUMMARY, NotifyConfig(on_outcome=command))
    assert json.loads(told.read_text()) == SUMMARY


def test_a_url_gets_the_summary_posted() -> None:
    """A webhook receives JSON."""
    received: list[tuple[str, bytes]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Keep what comes."""
            length = int(self.headers["Content-Length"])
            received.append((self.headers["Content-Type"], self.rfile.read(length)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert notify(SUMMARY, NotifyConfig(on_outcome=f"http://127.0.0.1:{server.server_port}/x"))
        thread.join()
    assert received == [("application/json", json.dumps(SUMMARY).encode())]


@pytest.mark.parametrize(
    "target",
    [
        "/no/such/command",
        f"{sys.executable} -c 'raise SystemExit(3)'",
        "http://127.0.0.1:1/nobody",
        "unbalanced ' quote",
    ],
)
def test_a_fault_of_the_hook_is_logged_and_changes_nothing(
    target: str, caplog: pytest.LogCaptureFixture
) -> None:
    """No exception; an error line names the hook."""
    with caplog.at_level(logging.ERROR, "pixelgate"):
        assert not notify(SUMMARY, NotifyConfig(on_outcome=target, timeout=5))
    assert target in caplog.text


def test_only_the_wanted_outcomes_are_told(tmp_path: Path) -> None:
    """By default failures and rejections; others when asked for."""
    command = f"touch {tmp_path / 'told'}"
    good = {"outcome": "promoted"}
    assert not notify(good, NotifyConfig(on_outcome=command))
    assert not (tmp_path / "told").exists()
    assert notify(good, NotifyConfig(on_outcome=command, outcomes=["promoted"]))
    assert (tmp_path / "told").exists()
