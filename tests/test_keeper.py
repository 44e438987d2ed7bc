"""The keeper of `pixelgate up`: what it does of models that come, change, break and go."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tasks.config.installed_models import checked_model, file_of, write_model
from tasks.monitoring.run_requests import request_run, waiting_requests
from tasks.outcome import Outcome
from tasks.runtime.process_identity import identity_of
from tasks.storage.atomic import write_json
from tasks.storage.home import Home
from tests.command_line import command_of, prefect_at
from tests.processes import wait_until
from tests.run_records import write_run
from tests.webhooks import webhook

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.command_line import CommandProcess
    from tests.image_trees import Tree
    from tests.prefect_server import PrefectServer


def install(home: Home, data: Path, **schedule: Any) -> None:
    """Install a model."""
    values = {"name": home.name, "data": str(data), "cron": "0 2 1 1 *", **schedule}
    write_model(home, checked_model(values, source="test"))


def test_a_model_keeps_its_deployments_until_it_is_removed(
    prefect_server: PrefectServer,
    image_tree: Tree,
    tmp_path: Path,
) -> None:
    """Also while its file is wrong, which is said once; the others are looked after."""
    home, data = Home("kept", tmp_path / "home"), image_tree()
    install(home, data)
    install(home.renamed("broken"), data)

    def deployed(name: str) -> dict[str, Any]:
        """Return the cron expression of each flow of a model."""
        found = prefect_server.ask("/deployments/filter", deployments={"name": {"any_": [name]}})
        return {
            each["entrypoint"].rpartition(".")[2]: [one["schedule"] for one in each["schedules"]]
            for each in found
        }

    with prefect_at(lambda: prefect_server):
        from flows.cli.deploying import deploy_models
        from tasks.orchestration.keeper import Keeper

        keeper = Keeper(home, lambda models: deploy_models(home, models, pool="kept"))
        keeper.look()
        flows = {"retrain", "drill", "housekeeping", "gate", "score"}
        assert set(deployed("kept")) == set(deployed("broken")) == flows
        file_of(home.renamed("broken")).write_text("cron = 3")
        install(home, data, cron="30 3 * * *")
        keeper.look()
        keeper.look()
        (said,) = keeper.told
        assert "broken.toml: data: Field required" in said
        assert set(deployed("broken")) == flows
        assert deployed("kept")["retrain"][0]["cron"] == "30 3 * * *"
        file_of(home).unlink()
        keeper.look()
        assert deployed("kept") == {}
        keeper.stop()


def test_a_run_whose_process_died_is_started_again(
    prefect_server: PrefectServer,
    image_tree: Tree,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Prefect is told that it crashed; so is a run that a worker claimed and never began."""
    home = Home("mortal", tmp_path / "home")
    install(home, image_tree())
    request_run(home, who="ada", reason="new images")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        dead = identity_of(process.pid)
        process.kill()

    def flow_runs() -> dict[str, str]:
        """Return the state of each flow run of the model by its id."""
        named = {"name": {"any_": ["mortal"]}}
        found = prefect_server.ask("/flow_runs/filter", deployments=named)
        asked = [each for each in found if not each["auto_scheduled"]]
        return {each["id"]: each["state"]["type"] for each in asked}

    with prefect_at(lambda: prefect_server):
        from flows.cli.deploying import deploy_models
        from tasks.orchestration import prefect_runs
        from tasks.orchestration.keeper import Keeper

        keeper = Keeper(home, lambda models: deploy_models(home, models, pool="mortal"))
        keeper.look()
        (first,) = flow_runs()
        assert waiting_requests(home) == []
        folder = home.runs / write_run(home, Outcome.UNFINISHED)
        write_json(folder / "process.json", {"process": dead, "flow_run": first})
        running = {"type": "RUNNING", "name": "Running"}
        prefect_server.ask(f"/flow_runs/{first}/set_state", state=running, force=True)
        keeper.look()
        states = flow_runs()
        assert states.pop(first) == "CRASHED"
        # Asked for by the keeper, and at once started by it.
        (second,) = states
        assert waiting_requests(home) == []
        pending = {"type": "PENDING", "name": "Pending"}
        prefect_server.ask(f"/flow_runs/{second}/set_state", state=pending, force=True)
        request_run(home, who="ada", reason="again")
        keeper.look()
        # Two runs of a model never overlap.
        assert [each.reason for each in waiting_requests(home)] == ["again"]
        assert len(flow_runs()) == 2
        monkeypatch.setattr(prefect_runs, "PENDING_LIMIT", timedelta(0))
        keeper.look()
        states = flow_runs()
        assert (states[first], states[second], len(states)) == ("CRASHED", "CRASHED", 3)
        keeper.stop()
        prefect_runs.remove_deployments("mortal")


def test_one_run_catches_up_after_downtime(
    prefect_server: PrefectServer, image_tree: Tree, tmp_path: Path
) -> None:
    """Of the runs that came due meanwhile the last one stays; what is due later stays too."""
    home = Home("asleep", tmp_path / "home")
    install(home, image_tree())
    with prefect_at(lambda: prefect_server):
        from flows.cli.deploying import deploy_models
        from tasks.config.installed_models import sound_models
        from tasks.orchestration.prefect_runs import remove_deployments, skip_overdue

        deploy_models(home, sound_models(home)[0], pool="asleep")
        named = {"name": {"any_": ["asleep"]}}
        deployments = prefect_server.ask("/deployments/filter", deployments=named)
        (deployment,) = (
            each["id"] for each in deployments if each["entrypoint"].endswith(".retrain")
        )
        skip_overdue()
        now, ids = datetime.now(UTC), []
        for hours in (-3, -1, -2, 5):
            due = {"scheduled_time": (now + timedelta(hours=hours)).isoformat()}
            state = {"type": "SCHEDULED", "name": "Scheduled", "state_details": due}
            asked = prefect_server.ask(f"/deployments/{deployment}/create_flow_run", state=state)
            ids.append(asked["id"])
        assert skip_overdue() == 2
        found = prefect_server.ask("/flow_runs/filter", deployments=named)
        assert {each["id"] for each in found if not each["auto_scheduled"]} == {ids[1], ids[3]}
        remove_deployments("asleep")


def test_a_broken_file_is_one_alarm_until_it_is_corrected(
    pixelgate_process: CommandProcess, image_tree: Tree, tmp_path: Path
) -> None:
    """It names the file; the keeper goes on, and says when it is over."""
    home, data = Home("sound", tmp_path / "home"), image_tree()
    install(home, data)
    install(home.renamed("broken"), data)
    file = file_of(home.renamed("broken"))
    sound = file.read_text("utf-8")
    with webhook() as hook:
        home.alarm_settings.write_text(f'receivers = ["{hook.url}"]\ndisk_low_gib = 0\n', "utf-8")
        file.write_text("data = [", "utf-8")
        # No server answers there: alarms need none.
        env = pixelgate_process.environment(
            flow=False, env={"PREFECT_API_URL": "http://127.0.0.1:9/api"}, measured=False
        )
        with subprocess.Popen(command_of("keep"), env=env, cwd=tmp_path) as keeper:
            try:
                wait_until(lambda: hook.received, seconds=120, what="the alarm")
                file.write_text(sound, "utf-8")
                wait_until(lambda: len(hook.received) > 1, seconds=120, what="its end")
            finally:
                keeper.terminate()
    opened, over = hook.received
    assert opened["title"] == "[warning] broken: wrong model file"
    assert f"{file} can't be read as TOML" in opened["message"]
    assert f"Correct {file}" in opened["message"]
    assert over["title"] == "[over] broken: wrong model file"
