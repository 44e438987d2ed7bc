"""The dashboard whose address `pixelgate serve` prints, in a real browser."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.command_line import command_of
from tests.image_trees import ROOT
from tests.processes import running, unmeasured, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.image_trees import Tree
    from tests.prefect_server import PrefectServer

MILLISECONDS = 120_000


@pytest.fixture
def prefect_copy(prefect_server: PrefectServer, prefect_home: Path, tmp_path: Path) -> Path:
    """Return a PREFECT_HOME whose database is set up, which takes a server most of its start."""
    del prefect_server
    folder = tmp_path / "prefect"
    folder.mkdir()
    with (
        closing(sqlite3.connect(prefect_home / "prefect.db")) as known,
        closing(sqlite3.connect(folder / "prefect.db")) as copy,
    ):
        known.backup(copy)
    return folder


def test_the_dashboard_reaches_its_own_server(
    browser: Browser, image_tree: Tree, prefect_copy: Path, tmp_path: Path
) -> None:
    """The printed address loads, and its page asks the server it came from, not port 4200."""
    log = tmp_path / "serve.log"
    inherited = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    own = {"PREFECT_HOME": str(prefect_copy), "PIXELGATE_HOME": str(tmp_path / "home")}
    command = command_of("serve", "--data", image_tree(), "--every", "1d")
    env = unmeasured({**inherited, **own, "PYTHONPATH": str(ROOT)})
    with running(command, log, env, tmp_path):
        url = wait_until(
            lambda: "".join(re.findall(r"dashboard: (http://\S+)", log.read_text())),
            seconds=180,
            what="the address",
        )
        page = browser.new_page()
        asked: list[str] = []
        page.on("response", lambda answer: asked.append(f"{answer.status} {answer.url}"))
        with page.expect_response(re.compile(r"/api/flow_runs/")) as answer:
            page.goto(url, timeout=MILLISECONDS)
        assert answer.value.ok
        page.get_by_text("Flow Runs").first.wait_for(timeout=MILLISECONDS)
        assert not page.get_by_text("Can't connect to Server API").count()
    api = [each for each in asked if "/api/" in each]
    assert api
    assert all(each.split()[1].startswith(f"{url}/api/") for each in api), api
