"""promotion.policy = manual: a run pauses in Prefect until a person decides on its model."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.command_line import command_of
from tests.processes import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command_line import CommandProcess
    from tests.image_trees import Tree
    from tests.prefect_server import PrefectServer

MANUAL = (
    "training.epochs=1",
    "registry.min_accuracy=0",
    "promotion.policy=manual",
    "promotion.approval_hours=0.2",
)


def arguments(root: Path) -> list[str]:
    """Return the command line of a run under policy manual."""
    settings = [word for setting in MANUAL for word in ("--set", setting)]
    return command_of("run", "--data", root, "--json", *settings)


def paused_run(server: PrefectServer, model: str) -> dict[str, Any] | None:
    """Return the flow run of a model that waits, if there is one."""
    runs = server.ask("/flow_runs/filter", flow_runs={"state": {"type": {"any_": ["PAUSED"]}}})
    return next((run for run in runs if run["name"] == f"retrain {model}"), None)


def decide(
    server: PrefectServer, process: subprocess.Popen[str], model: str, *, promote: bool
) -> None:
    """Resume the run of a model when it waits, by a form that is whole."""
    wait_until(
        lambda: paused_run(server, model) or process.poll() is not None,
        seconds=480,
        what="the run to wait",
    )
    waiting = paused_run(server, model)
    assert waiting is not None, process.communicate()
    resume = f"/flow_runs/{waiting['id']}/resume"
    refused = server.ask(resume, run_input={"promote": promote, "who": "ada"})
    assert refused["status"] == "REJECT"
    assert paused_run(server, model)
    given = {"promote": promote, "who": "ada", "reason": "the owls are fine"}
    assert server.ask(resume, run_input=given)["status"] == "ACCEPT"


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("promote", "outcome"),
    [
        (True, ("promoted", "ada approved version 1, and it is champion now: the owls are fine")),
        (False, ("kept_champion", "ada left the champion in production: the owls are fine")),
    ],
)
def test_whoever_resumes_the_run_decides(
    prefect_server: PrefectServer,
    pixelgate_process: CommandProcess,
    image_tree: Tree,
    *,
    promote: bool,
    outcome: tuple[str, str],
) -> None:
    """By a form with a name and a reason, which stand in the ledger; an empty one is refused."""
    model = f"approval-{promote}".lower()
    env = pixelgate_process.environment(flow=True, env={"PIXELGATE_NAME": model})
    with subprocess.Popen(
        arguments(image_tree({"cat": 60, "dog": 60})), env=env, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            decide(prefect_server, process, model, promote=promote)
            out, _ = process.communicate(timeout=480)
        finally:
            # Else it would wait for its hours.
            process.kill()
    summary = json.loads(out)
    assert process.returncode == 0
    assert (summary["outcome"], summary["message"]) == outcome
    ledger = pixelgate_process("ledger", "--json", env={"PIXELGATE_NAME": model}).json
    promotions = [entry for entry in ledger if entry["action"] == "promote"]
    assert bool(promotions) is promote
    assert all(entry["who"].startswith("ada (Prefect, ") for entry in promotions)


def test_a_command_with_a_server_of_its_own_does_not_wait(
    pixelgate_process: CommandProcess, image_tree: Tree, tmp_path: Path
) -> None:
    """Nobody could open its pages: the run ends, and says which command decides."""
    env = {"PREFECT_HOME": str(tmp_path / "prefect"), "PIXELGATE_EXPORTS__ONNX": "false"}
    settings = [word for setting in MANUAL for word in ("--set", setting)]
    root = image_tree({"cat": 60, "dog": 60})
    ended = pixelgate_process("run", "--data", root, "--json", *settings, env=env)
    assert ended.code == 0, ended.err
    assert ended.json["outcome"] == "awaiting_approval"
    assert "promotion.approval_hours is ignored" in ended.err
    assert "`pixelgate promote" in ended.json["message"]
