"""`pixelgate up` is stopped while a run is at work: all of it ends, and nobody is woken for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from deployments.installation.up_record import is_up, read_record
from tasks.monitoring.run_list import list_runs
from tasks.monitoring.run_requests import request_run
from tasks.runs.run_process import is_worked_on
from tasks.storage.home import Home
from tests.command_line import NO_EXPORTS, command_of
from tests.image_trees import ROOT, write_tree
from tests.processes import free_ports, interruptible, processes_of, wait_until

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """
[training]
epochs = 200
callbacks = ["{module}:Slow"]
[evaluation]
corrupted_images = 0
"""


@pytest.mark.timeout(900)
def test_two_interrupts_leave_nothing_behind_and_no_alarm(tmp_path: Path, own_module: str) -> None:
    """The second Ctrl-C comes while the services end; the run says that it is resumed."""
    home = Home("photos", tmp_path / "home")
    write_tree(tmp_path / "photos", {"cat": 60, "dog": 60})
    (tmp_path / "slow.toml").write_text(SETTINGS.format(module=own_module))
    named = {name: value for name, value in os.environ.items() if "PREFECT" not in name}
    env = {
        **named,
        **NO_EXPORTS,
        "PIXELGATE_HOME": str(home.root),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)]),
        "SECONDS_A_STEP": "0.3",
    }

    def call(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command_of(*arguments),
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    added = call(
        *("models", "add", "photos", "--data", "photos", "--config", "slow.toml"),
        *("--cron", "0 2 1 1 *"),
    )
    assert added.returncode == 0, added.stderr
    home.alarm_settings.write_text("disk_low_gib = 0\n", "utf-8")
    desk, prefect, mlflow = free_ports(3)
    ports = ("--port", desk, "--prefect-port", prefect, "--mlflow-port", mlflow)
    with interruptible(), (tmp_path / "up.log").open("ab") as log:
        up = subprocess.Popen(
            command_of("up", *ports),
            env=env,
            cwd=tmp_path,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_until(lambda: is_up(home) and "addresses" in read_record(home), seconds=300, what="up")
        request_run(home, who="test", reason="first")
        wait_until(
            lambda: (
                list(home.runs.glob("*/progress.jsonl"))
                and "epoch" in next(home.runs.glob("*/progress.jsonl")).read_text("utf-8")
            ),
            seconds=240,
            what="the training",
        )
        for _ in range(3):
            os.killpg(up.pid, signal.SIGINT)
            time.sleep(0.7)
        assert up.wait(timeout=180) == 0, (tmp_path / "up.log").read_text("utf-8")
        assert processes_of(home.root) == []
    finally:
        up.kill()
    [run] = list_runs(home)
    assert not is_worked_on(run.directory)
    assert run.was_interrupted, run
    status = call("status")
    assert f"Run {run.run_id} was interrupted, and is resumed by the next run." in status.stdout
    alarms = call("alarms", "--json")
    assert json.loads(alarms.stdout or "[]") == []
