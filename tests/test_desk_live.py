"""A run in progress, as the desk follows it: events, resuming, the end, and the page."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tasks.config.schema import RetrainConfig
from tasks.outcome import Outcome
from tasks.runs.run_folder import PROGRESS, record_progress, reopen_run
from tasks.storage.home import Home
from tests.desk_server import running_desk
from tests.run_records import write_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tasks.runs.run_folder import Run


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home."""
    return tmp_path_factory.mktemp("live")


@pytest.fixture(scope="module")
def url(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a desk in a process of its own."""
    with running_desk(root, tmp_path_factory.mktemp("log")) as address:
        yield address


def begin(root: Path, name: str) -> Run:
    """Write a run that trains its second epoch; return it."""
    run_id = write_run(Home(name, root), Outcome.UNFINISHED, number=1)
    run = reopen_run(RetrainConfig(home=root, name=name), run_id)
    record_progress(run, stage="train", state="begun")
    record_progress(run, epoch=1, epochs=3, metrics={"accuracy": 0.5, "loss": float("nan")})
    return run


def end(run: Run, folder: Path) -> None:
    """Write the summary of a run, as if it ended now."""
    other = Home(run.config.name, folder / "elsewhere")
    run_id = write_run(other, Outcome.PROMOTED, number=1)
    text = (other.runs / run_id / "summary.json").read_text("utf-8").replace(run_id, run.id)
    (run.directory / "summary.json").write_text(text, "utf-8")


def events_in(lines: Iterator[str], count: int) -> list[tuple[int, str, dict[str, Any]]]:
    """Return number, kind and content of the next events of a stream."""
    events: list[tuple[int, str, dict[str, Any]]] = []
    number, kind = 0, ""
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "id":
            number = int(value)
        elif name == "event":
            kind = value
        elif name == "data":
            events.append((number, kind, json.loads(value)))
            if len(events) == count:
                break
    return events


def test_a_run_is_followed_and_resumed(root: Path, url: str, tmp_path: Path) -> None:
    """Each event comes once and as it is written, from where a reader was, until the run ends."""
    run = begin(root, "followed")
    address = f"{url}/runs/{run.id}/events"
    with httpx.stream("GET", address, timeout=30) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        (_, first, stage), (number, second, epoch) = events_in(lines, 2)
        assert (first, stage["stage"], stage["state"]) == ("stage", "train", "begun")
        assert (second, number, epoch["epoch"]) == ("epoch", 2, 1)
        assert epoch["metrics"] == {"accuracy": 0.5, "loss": None}
        with (run.directory / PROGRESS).open("a") as file:
            file.write("torn by a crash\n")
        record_progress(run, epoch=2, epochs=3, metrics={"accuracy": 0.75})
        assert [event[:2] for event in events_in(lines, 1)] == [(4, "epoch")]
    with httpx.stream("GET", address, headers={"Last-Event-ID": "2"}, timeout=30) as answer:
        lines = answer.iter_lines()
        assert [event[0] for event in events_in(lines, 1)] == [4]
        end(run, tmp_path)
        assert [event[1:] for event in events_in(lines, 1)] == [
            ("end", {"outcome": "promoted", "headline": Outcome.PROMOTED.headline})
        ]
        assert list(lines) == [""]
    assert httpx.get(address, headers={"Last-Event-ID": "5"}).status_code == 204
    assert httpx.get(f"{url}/runs/nothing/events").status_code == 404


def test_silence_is_broken_by_comments(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no proxy closes the connection, and a run whose process died ends it."""
    from fastapi.testclient import TestClient

    from deployments.desk.app import create_app

    monkeypatch.setattr("deployments.desk.event_routes.HEARTBEAT_SECONDS", 0.1)
    monkeypatch.setattr("deployments.desk.event_routes.END_SECONDS", 0.5)
    monkeypatch.setattr("deployments.desk.event_routes.POLL_SECONDS", 0.05)
    # Whoever was quiet for this long has died.
    monkeypatch.setattr("tasks.monitoring.activity.QUIET_SECONDS", 2.0)
    run = begin(root, "quiet")
    desk = TestClient(create_app(Home("quiet", root)), base_url="http://localhost")
    text = desk.get(f"/runs/{run.id}/events").text
    assert ": alive" in text
    assert '"outcome": "unfinished"' in text
    page = desk.get(f"/runs/{run.id}").text
    assert "How far it came" in page
    assert "Epoch 1 of 3: accuracy 0.5" in page
    assert "data-events" not in page


def test_the_page_follows_without_being_loaded_again(
    root: Path, url: str, browser: Browser, tmp_path: Path
) -> None:
    """Epochs and stages appear, and at the end the page of the run that ended."""
    run = begin(root, "watched")
    page = browser.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{url}/runs/{run.id}")
    page.evaluate("window.stays = true")
    page.get_by_text("Epoch 1 of 3: accuracy 0.5").wait_for()
    record_progress(run, epoch=2, epochs=3, metrics={"accuracy": 0.75})
    page.get_by_text("Epoch 2 of 3: accuracy 0.75").wait_for()
    assert page.locator("#live-bar").evaluate("bar => bar.value") == 2
    record_progress(run, stage="train", state="ended", seconds=1.5)
    page.get_by_text("train 1.5 s").wait_for()
    assert page.locator("#live-drawing .main-svg").count() > 0
    end(run, tmp_path)
    page.get_by_role("heading", name=re.compile("^Promoted")).wait_for()
    assert page.evaluate("window.stays")
    assert problems == []
    page.close()
