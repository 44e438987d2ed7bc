"""The gate and housekeeping as flows: their states and artifacts in a real Prefect server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tasks.config.retention import HousekeepingConfig
from tasks.monitoring.run_list import list_runs
from tasks.outcome import Outcome
from tests.command_line import prefect_at
from tests.image_trees import ROOT, config_for
from tests.run_records import wear, write_run

if TYPE_CHECKING:
    from pathlib import Path

    from prefect import Flow

    from tests.image_trees import Tree
    from tests.prefect_server import PrefectServer


def runs_named(server: PrefectServer, name: str) -> list[dict[str, Any]]:
    """Return the flow runs of a name, the oldest first."""
    found: list[dict[str, Any]] = server.ask(
        "/flow_runs/filter", flow_runs={"name": {"any_": [name]}}, sort="START_TIME_ASC"
    )
    return found


def keys_of(server: PrefectServer, run: dict[str, Any]) -> set[str]:
    """Return the keys of a flow run's artifacts."""
    artifacts = {"flow_run_id": {"any_": [run["id"]]}}
    return {each["key"] for each in server.ask("/artifacts/filter", artifacts=artifacts)}


def test_the_gate_is_a_flow(prefect_server: PrefectServer, image_tree: Tree) -> None:
    """Accepted data ends it well, rejected data fails it by the verdict's headline; both show."""
    from flows.gate_only import gate

    root = image_tree()
    config = config_for(root, name="gated")
    with prefect_at(lambda: prefect_server):
        gate(config, return_state=True)
        (root / "cat/009.png").write_bytes(b"\x89PNG")
        gate(config, return_state=True)
    good, bad = runs_named(prefect_server, "gate gated")
    assert (good["state"]["type"], good["state"]["name"]) == ("COMPLETED", "Accepted")
    assert (bad["state"]["type"], bad["state"]["name"]) == ("FAILED", "DataRejected")
    assert "data rejected: decodes: 1 of 80 files (cat/009.png" in bad["state"]["message"]
    shown = {f"gated-{what}" for what in ("class-counts", "data-gate", "data-docs", "report")}
    assert shown <= keys_of(prefect_server, good)
    assert shown | {"gated-data-gate-failures"} <= keys_of(prefect_server, bad)


def test_housekeeping_is_a_flow(prefect_server: PrefectServer, tmp_path: Path) -> None:
    """It removes old runs from the home, and this home's own old flow runs from Prefect."""
    from flows.housekeeping import housekeeping

    config = config_for(tmp_path / "data", name="tidied", housekeeping={"keep_days": 30})
    for number, days in ((1, 60), (2, 50), (3, 1)):
        write_run(config.paths, Outcome.FAILED, number=number, hours_ago=24 * days)
    wear(config.paths.runs)
    other = config.model_copy(update={"home": tmp_path / "other"})
    at_once = config.model_copy(update={"housekeeping": HousekeepingConfig(keep_days=0)})
    with prefect_at(lambda: prefect_server):
        for settings in (other, config):
            housekeeping(settings)
        others, own = runs_named(prefect_server, "housekeeping tidied")
        assert own["state"]["name"] == "Tidied", own["state"]
        assert own["state"]["message"].startswith("2 runs, ")
        assert [run.run_id[-4:] for run in list_runs(config.paths)] == ["0003"]
        artifacts = {"flow_run_id": {"any_": [own["id"]]}}
        (table,) = prefect_server.ask("/artifacts/filter", artifacts=artifacts)
        assert [row["kind"] for row in json.loads(table["data"])] == ["run", "run"]
        housekeeping(at_once)
    left = [run["id"] for run in runs_named(prefect_server, "housekeeping tidied")]
    # The run that removed the other one had not ended.
    assert (others["id"] in left, own["id"] in left, len(left)) == (True, False, 2)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("retrain", "retrain"),
        ("drill", "drill"),
        ("gate", "gate_only"),
        ("housekeeping", "housekeeping"),
        ("score", "score"),
    ],
)
def test_a_flow_can_be_deployed_by_its_file(name: str, file: str) -> None:
    """By Prefect's own commands: it loads as Prefect loads it, and its form is RetrainConfig."""
    from prefect.flows import load_flow_from_entrypoint

    entrypoint = f"flows/{file}.py:{name}"
    flow: Flow[..., Any] = load_flow_from_entrypoint(str(ROOT / entrypoint))
    assert flow.name == name
    assert "housekeeping" in str(flow.parameters.definitions)
