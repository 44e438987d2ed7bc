"""Schedules: a real Prefect server, a real serving process and a real worker."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
from typing import TYPE_CHECKING, Any

import pytest

from tests.command_line import command_of, prefect_at
from tests.image_trees import ROOT, config_for, write_tree
from tests.processes import running, unmeasured, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write 210 images that a small CNN learns in a few epochs."""
    return write_tree(tmp_path_factory.mktemp("images"), {"cat": 70, "dog": 70, "owl": 70})


def promoted_run(server: Any, home: Path) -> dict[str, Any] | None:
    """Return the first flow run of a scheduled deployment that ended promoted, if there is one."""
    runs = server.ask(
        "/flow_runs/filter",
        flow_runs={"state": {"name": {"any_": ["Promoted"]}}},
    )
    for run in runs:
        if run["parameters"]["config"]["home"] == str(home):
            return dict(run)
    return None


def until_promoted(server: Any, home: Path, log: Path) -> dict[str, Any]:
    """Wait for a scheduled run to end promoted."""
    try:
        return wait_until(
            lambda: promoted_run(server, home) or {},
            seconds=400,
            what="a scheduled run to be promoted",
            every=1.0,
        )
    except pytest.fail.Exception:
        print(log.read_text()[-3000:])  # noqa: T201 - pytest shows it
        raise


def check_evidence(server: Any, run: dict[str, Any], home: Path, name: str) -> None:
    """The run started by itself, its artifacts and logs stand in the server, its files in home."""
    assert run["auto_scheduled"]
    keys = {
        artifact["key"]
        for artifact in server.ask(
            "/artifacts/filter", artifacts={"flow_run_id": {"any_": [run["id"]]}}
        )
    }
    assert {
        f"{name}-{what}"
        for what in (
            "class-counts",
            "data-gate",
            "data-docs",
            "training-progress",
            "evaluation",
            "model-gate",
            "report",
        )
    } <= keys
    tasks = server.ask("/task_runs/filter", flow_runs={"id": {"any_": [run["id"]]}})
    assert {task["name"] for task in tasks} >= {
        f"{stage} {name}" for stage in ("inventory", "validate", "generators", "train", "register")
    }
    assert len(tasks) < 50
    logs = server.ask(
        "/logs/filter", logs={"flow_run_id": {"any_": [run["id"]]}}, sort="TIMESTAMP_ASC"
    )
    assert any("epoch 1/" in line["message"] for line in logs)
    summaries = [json.loads(file.read_text()) for file in home.glob("runs/*/summary.json")]
    assert "promoted" in {summary["outcome"] for summary in summaries}


def test_serve_retrains_by_itself(prefect_server: Any, images: Path, tmp_path: Path) -> None:
    """`pixelgate serve --every` starts a run without being asked, which ends promoted."""
    home, log = tmp_path / "home", tmp_path / "serve.log"
    command = [
        *(sys.executable, "-m", "flows.cli", "serve", "--every", "10s", "--name", "served"),
        *("--data", str(images), "--home", str(home), "--set", "training.epochs=6"),
    ]
    env = unmeasured({**prefect_server.env, "PYTHONPATH": str(ROOT)})
    with running(command, log, env, tmp_path):
        run = until_promoted(prefect_server, home, log)
    check_evidence(prefect_server, run, home, "served")


def deploy(server: Any, data: Path, place: Path, *, model: str, cron: str) -> dict[str, str]:
    """Install a model and deploy it, as README says; return the environment of a worker."""
    profiles = {"PREFECT_PROFILES_PATH": str(place / "profiles.toml")}
    home = {"PYTHONPATH": str(ROOT), "PIXELGATE_HOME": str(place / "home")}
    env = unmeasured({**server.env, **profiles, **home})
    (place / "six.toml").write_text("training.epochs = 6\n")
    add = ("models", "add", model, "--data", data, "--config", place / "six.toml", "--cron", cron)
    for command in ((*add, "--timezone", "Asia/Kolkata"), ("deploy", model)):
        ended = subprocess.run(
            command_of(*command), env=env, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"retrain/{model}" in ended.stdout.splitlines()
    return env


def test_a_deployment_is_run_by_a_worker(prefect_server: Any, images: Path, tmp_path: Path) -> None:
    """`pixelgate deploy`, then a worker of the process pool: the schedule does the rest."""
    home, log = tmp_path / "home", tmp_path / "worker.log"
    env = deploy(prefect_server, images, tmp_path, model="deployed", cron="* * * * *")
    worker = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "pixelgate"]
    with running(worker, log, env, tmp_path):
        run = until_promoted(prefect_server, home, log)
    check_evidence(prefect_server, run, home, "deployed")


def test_the_drill_runs_as_a_flow(
    prefect_server: Any, images: Path, tmp_path: Path, plant_only: Callable[..., None]
) -> None:
    """What the weekly deployment runs: its table and its end stand in the server."""
    from flows.drill import drill

    plant_only("decodes", "sizes")
    with prefect_at(lambda: prefect_server):
        drill(config_for(images, name="drilled", home=tmp_path / "home"))
    runs = prefect_server.ask("/flow_runs/filter", flow_runs={"name": {"any_": ["drill drilled"]}})
    assert [run["state"]["type"] for run in runs] == ["COMPLETED"]
    tables = prefect_server.ask("/artifacts/filter", artifacts={"key": {"any_": ["drilled-drill"]}})
    assert {row["result"] for row in json.loads(tables[0]["data"])} == {"passed", "tripped"}


def test_the_server_refuses_bad_values(prefect_server: Any, images: Path, tmp_path: Path) -> None:
    """The parameters are one typed form: an unknown or wrong setting never becomes a run."""
    deploy(prefect_server, images, tmp_path, model="strict", cron="0 2 1 1 *")
    (one,) = (
        deployment
        for deployment in prefect_server.ask("/deployments/filter")
        if deployment["parameters"].get("config", {}).get("name") == "strict"
        and deployment["entrypoint"].endswith(".retrain")
    )
    assert one["schedules"][0]["schedule"]["timezone"] == "Asia/Kolkata"
    schema = one["parameter_openapi_schema"]["definitions"]
    assert "description" in schema["TrainingConfig"]["properties"]["epochs"]
    mistakes: list[dict[str, Any]] = [{"training": {"epochs": 0}}, {"trainin": {}}]
    for wrong in mistakes:
        parameters = {"config": {**one["parameters"]["config"], **wrong}}
        with pytest.raises(urllib.error.HTTPError, match=r"409|422"):
            prefect_server.ask(f"/deployments/{one['id']}/create_flow_run", parameters=parameters)
