"""on_outcome: a real command, a real HTTP server and a real Apprise service receive the summary."""

from __future__ import annotations

import json
import logging
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.config.notify import NotifyConfig
from tasks.outcome import Outcome
from tasks.runs.notification import notify
from tasks.runs.summary import RunSummary

if TYPE_CHECKING:
    from collections.abc import Iterator


def summary_of(outcome: Outcome) -> RunSummary:
    """Return the summary of a run with this outcome."""
    return RunSummary(
        run_id="r1",
        name="photos",
        outcome=outcome,
        message="1 of 31 rules failed\nFAIL  sizes",
        directory=Path("/home/runs/r1"),
        report=Path("/home/runs/r1/report.html"),
    )


REJECTED = summary_of(Outcome.DATA_REJECTED)


class Hook(HTTPServer):
    """A server that keeps the content type and the body of each POST."""

    received: list[tuple[str, bytes]]

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.server_port}"


@pytest.fixture
def hook() -> Iterator[Hook]:
    """Serve until the test ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Keep the request."""
            length = int(self.headers["Content-Length"])
            server.received.append((self.headers["Content-Type"], self.rfile.read(length)))
            self.send_response(204 if "refuse" not in self.path else 500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with Hook(("127.0.0.1", 0), Handler) as server:
        server.received = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_command_reads_the_summary(tmp_path: Path) -> None:
    """The JSON is its standard input."""
    read = tmp_path / "read.json"
    command = f"{sys.executable} -c \"import sys; open('{read}', 'w').write(sys.stdin.read())\""
    assert notify(REJECTED, NotifyConfig(on_outcome=command))
    assert RunSummary.model_validate_json(read.read_text()) == REJECTED
    assert json.loads(read.read_text())["outcome"] == "data_rejected"


def test_a_url_gets_the_summary_posted(hook: Hook) -> None:
    """A webhook receives JSON."""
    assert notify(REJECTED, NotifyConfig(on_outcome=f"http://{hook.address}/x"))
    ((content_type, body),) = hook.received
    assert content_type == "application/json"
    assert json.loads(body) == REJECTED.model_dump(mode="json")


def test_a_service_of_apprise_gets_the_message_as_text(hook: Hook) -> None:
    """The title names model and outcome; the body is the message and the report's path."""
    assert notify(REJECTED, NotifyConfig(on_outcome=f"json://{hook.address}/x"))
    ((_, body),) = hook.received
    sent = json.loads(body)
    assert sent["title"] == "photos: Data rejected: nothing was trained."
    assert sent["message"].startswith(REJECTED.message)
    assert str(REJECTED.report) in sent["message"]


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
        assert not notify(REJECTED, NotifyConfig(on_outcome=target, timeout=5))
    assert target in caplog.text


def test_a_fault_of_a_service_is_logged_without_its_token(
    hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    """Its URL holds a secret: the line names the kind of service alone."""
    for target in (f"json://user:s3cret@{hook.address}/refuse", "nosuchservice://s3cret"):
        with caplog.at_level(logging.ERROR, "pixelgate"):
            assert not notify(REJECTED, NotifyConfig(on_outcome=target, timeout=5))
    ours = [line.getMessage() for line in caplog.records if line.name.startswith("pixelgate")]
    assert [line.split("...")[0] for line in ours] == [
        "on_outcome json://",
        "on_outcome nosuchservice://",
    ]
    assert "s3cret" not in "".join(ours)


def test_only_the_requested_outcomes_are_sent(tmp_path: Path) -> None:
    """By default failures and rejections; others when asked for."""
    command = f"touch {tmp_path / 'sent'}"
    good = summary_of(Outcome.PROMOTED)
    assert not notify(good, NotifyConfig(on_outcome=command))
    assert not (tmp_path / "sent").exists()
    assert notify(good, NotifyConfig(on_outcome=command, outcomes=["promoted"]))
    assert (tmp_path / "sent").exists()
