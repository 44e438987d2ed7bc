"""on_outcome: a real command, a real HTTP server and a real Apprise service receive the summary."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from tasks.config.notify import NotifyConfig
from tasks.outcome import Outcome
from tasks.runs.notification import notify
from tasks.runs.summary import RunSummary
from tests.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


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
        "http://127.0.0.1:1/a blank",
        "http://[nonsense",
        "https://127.0.0.1:port/",
        "json://[nonsense",
        "\0",
        "/etc/passwd",
    ],
)
def test_a_fault_of_the_hook_is_logged_and_changes_nothing(
    target: str, caplog: pytest.LogCaptureFixture
) -> None:
    """No exception; an error line names the hook."""
    with caplog.at_level(logging.ERROR, "pixelgate"):
        assert not notify(REJECTED, NotifyConfig(on_outcome=target, timeout=5))
    assert (target if not target.startswith("json") else "json://") in caplog.text


def test_a_blank_command_is_refused_and_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Settings refuse it; one that comes otherwise is a fault like any other."""
    with pytest.raises(ValidationError, match="blank"):
        NotifyConfig(on_outcome="  ")
    assert not notify(REJECTED, NotifyConfig().model_copy(update={"on_outcome": "  "}))
    assert "the command is blank" in caplog.text


@contextlib.contextmanager
def raw_server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Accept one connection, and answer with whatever bytes; yield host and port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            # The client may have gone, which is what some of the tests are about.
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def answer_garbage(connection: socket.socket) -> None:
    """Speak no HTTP."""
    connection.recv(65536)
    connection.sendall(b"\x00\xff garbage\r\n\r\n")


def drip(connection: socket.socket) -> None:
    """Send a byte of a header every tenth of a second, for as long as anyone listens."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(50):
        connection.sendall(b"x")
        time.sleep(0.1)


@pytest.mark.parametrize("scheme", ["http", "json"])
def test_a_server_that_answers_garbage_is_logged(
    scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the library raises about it."""
    with raw_server(answer_garbage) as address:
        target = f"{scheme}://{address}/x"
        assert not notify(REJECTED, NotifyConfig(on_outcome=target, timeout=5))
    assert f"on_outcome {scheme}://" in caplog.text


@pytest.mark.parametrize("scheme", ["http", "json"])
def test_a_server_that_drips_has_one_deadline(
    scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The timeout is of the whole attempt, not of each byte."""
    with raw_server(drip) as address:
        started = time.monotonic()
        target = f"{scheme}://{address}/x"
        assert not notify(REJECTED, NotifyConfig(on_outcome=target, timeout=1))
        assert time.monotonic() - started < 3
    assert "no answer within 1 s" in caplog.text


def test_a_command_that_hangs_is_killed_with_its_children(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Though it ignores SIGTERM, and though a child of it holds its pipes."""
    pids = tmp_path / "pids"
    script = tmp_path / "hang.sh"
    script.write_text(f"trap '' TERM\nsleep 60 &\necho $! $$ > {pids}\nsleep 60\n")
    started = time.monotonic()
    settings = NotifyConfig(on_outcome=f"sh {script}", timeout=1)
    assert not notify(REJECTED, settings)
    assert time.monotonic() - started < 5
    assert "killed after 1 s" in caplog.text
    # A killed process may take a moment to end; alone, these would go on for a minute.
    wait_until(
        lambda: not any(is_alive(int(pid)) for pid in pids.read_text().split()),
        seconds=20,
        what="the command and its child to end",
    )


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended may still wait to be collected."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


@pytest.mark.parametrize("code", [0, 3])
def test_a_command_that_has_ended_is_not_waited_for(
    tmp_path: Path, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A child that goes on with its pipes changes neither the answer nor the time it takes."""
    script = tmp_path / "leave.sh"
    script.write_text(f"sleep 8 &\necho the reason >&2\nexit {code}\n")
    started = time.monotonic()
    settings = NotifyConfig(on_outcome=f"sh {script}", timeout=20)
    assert notify(REJECTED, settings) is (code == 0)
    assert time.monotonic() - started < 5
    assert ("exit code 3. the reason" in caplog.text) is (code == 3)


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
