"""Proposals about images: who may make them, what is kept, and what a run makes of their CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from tasks.inventory.manifests import read_manifest
from tests.browsed_runs import OWN, BrowsedRun, browsed_run
from tests.image_trees import state_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RELABEL = {"proposal": "relabel", "label": "dog", "who": "ada", "reason": "it barks"}
QUARANTINE = {"proposal": "quarantine", "who": "=ada()", "reason": ""}


@pytest.fixture
def run(tmp_path: Path) -> BrowsedRun:
    """Return a run of 100 images."""
    return browsed_run(tmp_path, 100)


@pytest.fixture
def desk(run: BrowsedRun) -> Iterator[TestClient]:
    """Return a client of the desk, which sends forms as its own pages do."""
    with TestClient(run.app(), base_url="http://127.0.0.1:8200", headers=OWN) as client:
        yield client


def rows_of(text: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    return [*csv.DictReader(io.StringIO(text))]


def test_proposals_are_collected_and_no_file_is_touched(desk: TestClient, run: BrowsedRun) -> None:
    """For one image, for those selected, and for every one of a page; the last word counts."""
    before = state_of(run.data)
    url = f"/runs/{run.run_id}/proposals"
    answer = desk.post(url, data={**RELABEL, "row": "2", "view": "row=2&label=cat"})
    assert "proposed: dog" in answer.text
    assert str(answer.url).endswith(f"{run.url}/2?label=cat&done=1")
    desk.post(url, data={**QUARANTINE, "row": ["2", "4"], "view": "page=2"})
    shown = [str(row) for row in range(60, 100)]
    desk.post(url, data={**RELABEL, "every": "1", "shown": shown, "row": "1"})
    found = rows_of(desk.get(f"{url}.csv").text)
    assert len(found) == 42
    assert found[0] == {
        "path": "cat/000002.png",
        "label": "cat",
        "proposal": "quarantine",
        "who": "'=ada()",
        "reason": "",
    }
    assert found[-1]["label"] == "dog"
    page = desk.get(url).text
    assert "42 proposals" in page
    assert "it barks" in page
    desk.post(f"{url}/withdraw", data={"row": ["2", "4"]})
    assert "40 proposals" in desk.get(url).text
    assert state_of(run.data) == before


@pytest.mark.parametrize("drawn", [("test", "validation"), ("validation",)])
def test_a_run_can_read_the_manifest(tmp_path: Path, drawn: tuple[str, ...]) -> None:
    """Relabelled files have their new label; splits stand there only where the data gives them."""
    run = browsed_run(tmp_path, 100, drawn=drawn)
    desk = TestClient(run.app(), base_url="http://127.0.0.1:8200", headers=OWN)
    url = f"/runs/{run.run_id}"
    desk.post(f"{url}/proposals", data={**RELABEL, "row": "6"})
    desk.post(f"{url}/proposals", data={**QUARANTINE, "row": "8"})
    file = tmp_path / "manifest.csv"
    file.write_text(desk.get(f"{url}/manifest.csv").text, "utf-8")
    frame = read_manifest(file, run.data).set_index("path")
    assert len(frame) == 99
    assert frame.loc["cat/000006.png", "label"] == "dog"
    assert "cat/000008.png" not in frame.index
    assert frame["split"].notna().all() == (drawn == ("validation",))
    assert frame["split"].isna().all() == (drawn != ("validation",))


@pytest.mark.parametrize(
    ("changes", "status", "sentence"),
    [
        ({"row": []}, 422, "No image is selected"),
        ({"label": " "}, 422, "Say which label you propose."),
        ({"who": ""}, 422, "Say who you are"),
        ({"reason": "a\nb"}, 422, "The reason must be one line"),
        ({"proposal": "delete"}, 422, "must be one of relabel, quarantine. Received: delete"),
        ({"row": "100"}, 404, "has no image 100."),
        ({"row": "../x"}, 404, "has no image ../x."),
    ],
)
def test_an_incomplete_proposal_is_refused(
    desk: TestClient, run: BrowsedRun, changes: dict[str, str], status: int, sentence: str
) -> None:
    """With one sentence, and nothing is kept."""
    answer = desk.post(f"/runs/{run.run_id}/proposals", data={**RELABEL, "row": "1", **changes})
    assert (answer.status_code, sentence in answer.text) == (status, True)
    assert not run.home.proposals.exists()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none", "Origin": "http://127.0.0.1:8200"}, 403),
        ({}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:8201"}, 403),
        ({"Origin": "http://127.0.0.1:8200"}, 303),
        ({"Sec-Fetch-Site": "same-origin"}, 403),
        (OWN, 303),
        ({**OWN, "Content-Type": "text/plain"}, 415),
    ],
)
def test_other_sites_can_not_propose(run: BrowsedRun, headers: dict[str, str], status: int) -> None:
    """A form counts only if the browser says that a page of this desk sent it."""
    desk = TestClient(run.app(), base_url="http://127.0.0.1:8200", follow_redirects=False)
    answer = desk.post(
        f"/runs/{run.run_id}/proposals", data={**RELABEL, "row": "1"}, headers=headers
    )
    assert answer.status_code == status
    assert run.home.proposals.exists() == (status == 303)


def test_a_form_does_not_lead_elsewhere(desk: TestClient, run: BrowsedRun) -> None:
    """Of the way back only a filter is believed."""
    sent = {**RELABEL, "row": "1", "view": "row=//evil.example&text=https://evil.example"}
    answer = desk.post(f"/runs/{run.run_id}/proposals", data=sent, follow_redirects=False)
    assert answer.headers["location"].startswith(f"{run.url}?text=https%3A%2F%2Fevil")


def test_a_form_that_is_too_large_is_refused(desk: TestClient, run: BrowsedRun) -> None:
    """Before it is read as a whole."""
    sent = {**RELABEL, "row": "1", "reason": "x" * 2**21}
    assert desk.post(f"/runs/{run.run_id}/proposals", data=sent).status_code == 413
