"""The desk's pages of a run and of a model: images, charts, versions, and links elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from deployments.desk.app import create_app
from tasks.storage.home import Home
from tests.desk_server import PROMOTED, chart_data, write_model
from tests.test_lineage import second_run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.model_bench import Bench


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return the home of a model with four runs."""
    return Home("digits", tmp_path_factory.mktemp("evidence"))


@pytest.fixture(scope="module")
def runs(home: Home) -> dict[str, str]:
    """Return the ids of its runs."""
    return write_model(home)


@pytest.fixture
def desk(home: Home, runs: dict[str, str]) -> TestClient:
    """Return a client of the desk."""
    del runs
    return TestClient(create_app(home), base_url="http://localhost")


def test_a_run_shows_the_images_that_broke_a_rule(desk: TestClient, runs: dict[str, str]) -> None:
    """As thumbnails that the run left, with what was found in them."""
    page = desk.get(f"/runs/{runs['rejected']}").text
    assert 'alt="cat/&lt;svg onload=alert(1)&gt;.jpg"' in page
    assert "3024x3024</span>" in page
    address = re.findall(r'<img src="(\S+)"', page)[0]
    answer = desk.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")


def test_a_run_shows_what_the_new_model_changed(desk: TestClient, runs: dict[str, str]) -> None:
    """Newly wrong and newly right images; one that is gone is named all the same."""
    page = desk.get(f"/runs/{runs[PROMOTED]}").text
    assert "2 newly right and 1 newly wrong against the champion, on 40 test images." in page
    assert "cat, taken for dog" in page
    assert "can&#39;t be shown" in page or "can't be shown" in page
    assert "Newly right: the champion had them wrong (the first 1 of 2)" in page


def test_a_runs_charts_are_tables_too(desk: TestClient, runs: dict[str, str]) -> None:
    """Every number that the script draws is in the page; what was not measured is empty."""
    page = desk.get(f"/runs/{runs[PROMOTED]}").text
    loss, accuracy, confusion = chart_data(page)
    assert [each["name"] for each in loss["series"]] == ["loss", "val_loss"]
    assert loss["series"][0]["values"] == [1.2, None]
    assert accuracy["labels"] == ["1", "2"]
    assert [row["values"] for row in confusion["series"]] == [[19, 1], [1, 19]]
    assert '<th scope="row">2</th><td class="number">90.00%</td>' in page
    assert '<th scope="row">cat</th><td class="number">19</td><td class="number">1</td>' in page
    assert "Most often: cat taken for dog (1)" in page


def test_runs_elsewhere_are_linked_where_their_pages_are_known(
    desk: TestClient, runs: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prefect's by its own setting; without one the id is shown; never a password."""
    monkeypatch.setenv("PREFECT_UI_URL", "https://me:secret@prefect.example/")
    monkeypatch.delenv("MLFLOW_UI_URL", raising=False)
    page = desk.get(f"/runs/{runs[PROMOTED]}").text
    assert 'href="https://prefect.example/runs/flow-run/flow-run-id"' in page
    assert "MLflow run <code>mlflow-run-id</code>" in page
    monkeypatch.setenv("MLFLOW_UI_URL", "http://mlflow.example:5000")
    page = desk.get(f"/runs/{runs[PROMOTED]}").text
    assert 'href="http://mlflow.example:5000/#/runs/mlflow-run-id"' in page
    monkeypatch.setenv("MLFLOW_UI_URL", "javascript:alert(1)")
    assert "javascript:" not in desk.get(f"/runs/{runs[PROMOTED]}").text


def test_a_torn_file_hides_nothing_else(tmp_path: Path) -> None:
    """The page is there, without what can't be read."""
    home = Home("torn", tmp_path)
    run_id = write_model(home)[PROMOTED]
    for name in ("gallery.json", "evaluation/predictions.json", "registration.json", "facts.json"):
        (home.runs / run_id / name).write_text('{"torn', "utf-8")
    (home.runs / run_id / "model/history.csv").write_bytes(b"epoch\n\xff")
    answer = TestClient(create_app(home), base_url="http://localhost").get(f"/runs/{run_id}")
    assert answer.status_code == 200
    assert chart_data(answer.text) == []
    assert "The model gate" in answer.text


def test_a_model_shows_its_trends(desk: TestClient) -> None:
    """Accuracy with its interval, images, findings by rule, drift, durations and sizes on disk."""
    page = desk.get("/models/digits").text
    charts = chart_data(page)
    names = {each["name"] for chart in charts for each in chart["series"]}
    assert {"accuracy", "images", "sizes", "drift_brightness", "train", "model in it"} <= names
    accuracy = charts[0]["series"][0]
    assert accuracy["values"] == [0.989, 0.989, None, 0.989]
    assert accuracy["low"][0] == 0.982
    assert "98.90% (98.20% to 99.40%)" in page
    assert charts[0]["links"][0].startswith("/runs/")


def test_a_model_shows_its_versions(desk: TestClient, runs: dict[str, str]) -> None:
    """Each with its run, its size, and the times it was in production."""
    page = desk.get("/models/digits").text
    table = page.split("<h2>Versions</h2>")[1].split("</table>")[0]
    assert re.findall(r"/versions/(\d)", table) == ["3", "2", "1"]
    assert table.count("<strong>live</strong>") == 1
    assert "until now" in table
    assert table.count("2.0 MB") == 3
    assert f'href="/runs/{runs["waiting"]}"' in table


def test_a_registry_that_is_gone_is_one_sentence(desk: TestClient) -> None:
    """The pages of versions say so, and show what the files know."""
    page = desk.get("/models/digits/versions/2").text
    assert "In production:" in page
    assert 'class="mark critical"' in page
    assert 'class="mark critical"' in desk.get("/models/digits/diff?a=1&b=2").text
    assert desk.get("/models/nobody/versions/1").status_code == 404


def test_versions_of_the_registry_are_traced_and_compared(bench: Bench, tmp_path: Path) -> None:
    """What a version was made of; how answers, data and metrics of two differ."""
    bench.retrain(0.9, run="run1")
    second_run(bench, tmp_path / "second").retrain(0.95, run="run2", champion=0.9)
    home = bench.config.paths
    desk = TestClient(create_app(home), base_url="http://localhost")
    page = desk.get(f"/models/{home.name}/versions/1").text
    assert "f00d" in page
    assert "train images" in page
    page = desk.get(f"/models/{home.name}/diff?a=1&b=2").text
    assert '<th scope="row">accuracy</th><td>0.9</td><td>0.95</td>' in page
    assert "1 relabelled" in page
    assert "newly right and" in page


def test_the_script_of_charts_is_kept_for_long(desk: TestClient, runs: dict[str, str]) -> None:
    """It comes from the installed package, packed, by pages with charts alone."""
    page = desk.get(f"/runs/{runs[PROMOTED]}").text
    address = re.findall(r'src="(/vendor/plotly-\S+)"', page)[0]
    answer = desk.get(address)
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "plotly.js" in answer.text[:200]
    plain = desk.get(address, headers={"Accept-Encoding": "identity"})
    assert plain.text == answer.text
    for path in ("/runs", f"/runs/{runs['rejected']}", "/models/digits/versions/1"):
        assert "<script src" not in desk.get(path).text, path
    policy = desk.get("/").headers["Content-Security-Policy"]
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "address",
    [
        "/models/bench/versions/99",
        "/models/bench/versions/nonsense",
        "/models/bench/diff?a=1&b=99",
        "/models/bench/diff?a=99&b=1",
        "/models/nobody",
        "/models/nobody/versions/1",
        "/models/nobody/diff?a=1&b=2",
        "/models/nobody/promote?version=1",
        "/models/nobody/rollback",
        "/runs/nothing",
        "/runs/nothing/images",
        "/runs/nothing/images/0",
        "/runs/nothing/images/0/thumbnail",
        "/runs/nothing/files/report.html",
        "/runs/nothing/events",
        "/runs/nothing/proposals",
        "/runs/nothing/proposals.csv",
        "/runs/nothing/manifest.csv",
    ],
)
def test_what_does_not_exist_is_not_found(versions: Bench, address: str) -> None:
    """A page of a version, run, image or model that nobody knows is no answer of status 200."""
    desk = TestClient(create_app(versions.config.paths), base_url="http://localhost")
    answer = desk.get(address)
    assert answer.status_code == 404, answer.text
    assert "Traceback" not in answer.text


def test_a_version_that_exists_is_found(versions: Bench) -> None:
    """Also one that no run here made, and its comparison with another."""
    desk = TestClient(create_app(versions.config.paths), base_url="http://localhost")
    for address in ("/models/bench/versions/3", "/models/bench/diff?a=1&b=3"):
        assert desk.get(address).status_code == 200
