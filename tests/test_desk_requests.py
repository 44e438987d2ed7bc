"""Runs, quarantine and rejected data at the desk, over HTTP: what is done, and who is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tasks.monitoring.run_requests import waiting_requests
from tasks.orchestration.gate_run import judge_data
from tasks.registry.decision_ledger import read_ledger
from tasks.storage.checked import write_checked_json
from tasks.validation.quarantine import list_cleared
from tests.desk_people import TOKEN, Operator, served_desk
from tests.production_state import decisions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.storage.home import Home
    from tests.gate_keeper import GateKeeper
    from tests.image_trees import Tree
    from tests.model_bench import Bench

MODEL = "/models/bench"


@pytest.fixture
def desk(versions: Bench) -> Iterator[str]:
    """Return the address of a desk on four versions, of which the first is champion."""
    with served_desk(versions.config.paths) as url:
        yield url


def test_a_run_that_is_asked_for_waits(desk: str, versions: Bench) -> None:
    """Asked for once; if nothing picks it up, the page says so and why that may be."""
    ada, bob = Operator(desk), Operator(desk, "bob")
    page = ada.send(MODEL, to="/models/bench/run", reason="new images")
    assert "A run of bench was asked for. It waits to start." in page
    token = bob.form_token("/models/bench/promote?version=2")
    answer = bob.http.post(
        "/models/bench/run", data={"form_token": token, "reason": "me too"}, follow_redirects=True
    )
    assert "waits to start already: ada (desk) asked for it." in answer.text
    (request,) = waiting_requests(versions.config.paths)
    assert (request.model, request.who, request.reason) == ("bench", "ada (desk)", "new images")
    assert decisions(versions) == [("ada (desk)", "run_now", None, "new images")]
    content = json.loads(request.file.read_text("utf-8"))
    content["asked"] = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    request.file.write_text(json.dumps(content), "utf-8")
    page = ada.page(MODEL)
    assert "Nothing has picked it up for 5 min. `pixelgate up` doesn't know this model" in page
    installed = versions.config.paths.installed_models
    installed.mkdir()
    (installed / "bench.toml").touch()
    assert "Is `pixelgate up` running?" in ada.page(MODEL)


def test_quarantined_files_are_cleared_by_name_and_reason(desk: str, versions: Bench) -> None:
    """They are back in the next run, and the ledger has who and which."""
    home = versions.config.paths
    files = [
        {"path": f"cat/{name}", "content": name, "readable": name != "torn", "rules": "not_blank",
         "since": "2026-11-01T00:00:00+00:00"}
        for name in ("1", "2", "3", "torn")
    ]  # fmt: skip
    write_checked_json(home.quarantine, {"files": files, "cleared": []})
    ada = Operator(desk)
    assert "4 files in quarantine" in ada.page(MODEL)
    page = ada.send(MODEL, to="/models/bench/quarantine", file="cat/torn")
    assert "cat/torn can't be read, so it can't be used for training." in page
    page = ada.send(MODEL, to="/models/bench/quarantine", file=["cat/1", "cat/3"], reason="meant")
    assert "2 files cleared; they are back in the next run." in page
    assert list_cleared(home) == ["1", "3"]
    page = ada.send(MODEL, to="/models/bench/quarantine", everything="yes", reason="all meant")
    assert "1 files cleared" in page
    assert [why for *_, why in decisions(versions)] == ["meant", "all meant"]
    assert read_ledger(versions.store.ledger)[-2].evidence["paths"] == ["cat/1", "cat/3"]


def test_rejected_data_is_accepted_for_later_runs(keeper: GateKeeper, image_tree: Tree) -> None:
    """Exactly this data in spite of exactly these rules; also before the first model."""
    root = image_tree({"cat": 60, "dog": 60})
    Image.new("L", (16, 16), 90).save(root / "dog/blank.png")
    config = keeper.config(root)
    verdict, summary = judge_data(config)
    assert not verdict.accepted
    page, to = f"/runs/{summary.run_id}", f"/runs/{summary.run_id}/accept"
    with served_desk(config.paths) as url:
        ada = Operator(url)
        assert "Overrules not_blank for exactly this data" in ada.page(page)
        token = ada.form_token(page)
        shown = ada.send(page, to=to, reason="the lens test is meant")
        assert "Accepted: not_blank will not stop this data again." in shown
        assert "overruled (not_blank) by ada (desk)" in shown
        again = ada.http.post(to, data={"form_token": token, "reason": "x"}, follow_redirects=True)
        assert "This data was accepted before" in again.text
    verdict, accepted = judge_data(config)
    assert verdict.accepted
    assert accepted.override is not None
    assert accepted.override["who"] == "ada (desk)"
    (entry,) = read_ledger(config.paths.ledger())
    assert (entry.action, entry.who, entry.version) == ("accept_data", "ada (desk)", None)
    assert entry.evidence["rules"] == ["not_blank"]


def test_programs_ask_for_runs_with_the_token(desk: str, versions: Bench) -> None:
    """202 with the id of the request; a request that waits already is the answer too."""
    http = Operator(desk, None).http
    right = {"Authorization": f"Bearer {TOKEN}"}
    path = "/api/models/bench/runs"
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic YTpi"}):
        answer = http.post(path, headers=headers)
        assert (answer.status_code, list(answer.json())) == (401, ["error"])
    assert http.post("/api/models/nobody/runs", headers=right).status_code == 404
    assert http.get("/api/models/nobody/requests").status_code == 404
    assert http.post(path, headers=right, content=b"{").status_code == 400
    wrong: object
    for wrong in ([], {"when": "now"}, {"who": 1}, {"reason": " "}):
        assert http.post(path, headers=right, json=wrong).status_code == 422, wrong
    assert http.get("/api/models/bench/requests").json() == []
    answer = http.post(path, headers=right, json={"who": "etl", "reason": "night's images"})
    assert answer.status_code == 202
    (waiting,) = http.get("/api/models/bench/requests").json()
    assert answer.json() == {**waiting, "new": True}
    assert (waiting["who"], waiting["reason"]) == ("etl (API)", "night's images")
    answer = http.post(path, headers=right)
    assert (answer.status_code, answer.json()["id"]) == (202, waiting["id"])
    assert answer.json()["new"] is False
    assert len(decisions(versions)) == 1


def test_a_model_that_has_never_run_can_be_asked_for(desk: str, versions: Bench) -> None:
    """It is enough that `pixelgate up` retrains it."""
    home: Home = versions.config.paths
    home.installed_models.mkdir()
    (home.installed_models / "fresh.toml").touch()
    right = {"Authorization": f"Bearer {TOKEN}"}
    answer = Operator(desk, None).http.post("/api/models/fresh/runs", headers=right)
    assert answer.status_code == 202
    assert [each.model for each in waiting_requests(home)] == ["fresh"]
