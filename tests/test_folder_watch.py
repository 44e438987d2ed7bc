"""The watch over a data folder: what arrives is asked for once, and nothing is missed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tasks.config.installed_models import checked_model
from tasks.monitoring.folder_watch import FolderWatch
from tasks.monitoring.run_requests import waiting_requests, withdraw
from tasks.storage.home import Home
from tests.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Callable[[str], FolderWatch]]:
    """Return a function that watches a path of the test's folder, where the home is, too."""
    watches: list[FolderWatch] = []

    def begin(data: str) -> FolderWatch:
        content = {"name": "photos", "data": tmp_path / data, "watch": True, "quiet_seconds": 1}
        watches.append(
            FolderWatch(Home("photos", tmp_path / "home"), checked_model(content, source="test"))
        )
        # Until it looks.
        time.sleep(2)
        return watches[-1]

    yield begin
    for each in watches:
        each.stop()


def expect_request(root: Path) -> None:
    """Wait for a request and withdraw it, as `pixelgate up` does when the run starts."""
    home = Home("photos", root / "home")
    wait_until(lambda: waiting_requests(home), seconds=20, what="a request")
    for each in waiting_requests(home):
        withdraw(each)


def test_a_folder_that_is_replaced_is_watched_again(
    watched: Callable[[str], FolderWatch], tmp_path: Path
) -> None:
    """While it is away nothing is asked for, as there would be no data."""
    data = tmp_path / "data"
    data.mkdir()
    watched("data")
    (data / "a.png").touch()
    expect_request(tmp_path)
    data.rename(tmp_path / "old")
    time.sleep(4)
    assert waiting_requests(Home("photos", tmp_path / "home")) == []
    data.mkdir()
    expect_request(tmp_path)
    (data / "b.png").touch()
    expect_request(tmp_path)


def test_a_home_beside_a_manifest_starts_no_runs(
    watched: Callable[[str], FolderWatch], tmp_path: Path
) -> None:
    """Each run writes there, so that one would follow the other for ever."""
    (tmp_path / "home").mkdir()
    (tmp_path / "labels.csv").touch()
    watched("labels.csv")
    (tmp_path / "home/written").touch()
    time.sleep(4)
    assert waiting_requests(Home("photos", tmp_path / "home")) == []
    (tmp_path / "labels.csv").write_text("path,label")
    expect_request(tmp_path)
