"""A desk that is served by a process of its own, and runs with evidence for it to show."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
import signal
import subprocess
from typing import TYPE_CHECKING, Any

from PIL import Image

from tasks.outcome import Outcome
from tasks.reporting.gallery_files import leave_gallery
from tasks.runs.check import Check
from tasks.runs.run_folder import CHAMPION_EVALUATION, EVALUATION, FACTS, HISTORY, REGISTRATION
from tasks.storage.atomic import write_json
from tests.command_line import command_of
from tests.image_trees import ROOT
from tests.processes import interruptible, wait_until
from tests.run_records import FINDING, write_promotion, write_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tasks.storage.home import Home

NASTY = "cat/<svg onload=alert(1)>.jpg"
HISTORY_TEXT = "epoch,accuracy,loss,val_accuracy,val_loss\n0,0.5,1.2,0.6,1.1\n1,0.9,nan,0.8,0.4\n"
PREDICTIONS = {
    "accuracy": 0.95,
    "classes": ["cat", "dog"],
    "confusion": [[19, 1], [1, 19]],
    "macro_f1": 0.95,
}
DRIFT = {**FINDING, "rule": "drift_brightness", "success": True, "value": 0.02, "offenders": 0}
PROMOTED = "promoted"


@contextlib.contextmanager
def running_desk(root: Path, folder: Path) -> Iterator[str]:
    """Serve the desk of a home; yield its address, and require that it ends when it is asked to.

    Args:
        root: the home.
        folder: gets what it prints.
    """
    printed = folder / "desk.log"
    with printed.open("w") as log:
        command = command_of("desk", "--home", root, "--port", "0")
        with interruptible():
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT)
        try:
            yield wait_until(
                lambda: "".join(re.findall(r"desk: (http://\S+)", printed.read_text())),
                seconds=60,
                what="the address",
            )
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            process.kill()


def write_judged_run(home: Home, number: int, version: str, **fields: Any) -> str:
    """Write a run that trained and was judged, with its evidence; return its id."""
    outcome = fields.pop("outcome", Outcome.PROMOTED)
    comparison = {"images": 40, "gains": 2, "losses": 1}
    check = Check(
        rule="newly_wrong", threshold="at most 1", observed="1", success=False, severity="warning",
        remedy="Look at them.",
    )  # fmt: skip
    run_id = write_run(
        home, outcome, number=number, hours_ago=100 - number, model_version=version,
        model_gate=[check], comparison=comparison, gate=[DRIFT],
        slices=[{"kind": "class", "name": "cat", "images": 20, "accuracy": 0.95, "champion": 0.9}],
        training={"best_epoch": 2, "epochs": 2, "ended": "all epochs done"}, **fields,
    )  # fmt: skip
    folder = home.runs / run_id
    for name in (EVALUATION, CHAMPION_EVALUATION):
        write_json(folder / name, PREDICTIONS)
    (folder / HISTORY).parent.mkdir()
    (folder / HISTORY).write_text(HISTORY_TEXT, "utf-8")
    (folder / "model/model.keras").write_bytes(b"w" * 2_000_000)
    write_json(folder / FACTS, {"prefect_flow_run": "flow-run-id"})
    write_json(folder / REGISTRATION, {"mlflow_run": "mlflow-run-id"})
    wrong = {"path": NASTY, "value": "cat, taken for dog", "url": thumbnail()}
    right = {"path": "dog/gone.jpg", "value": None, "url": None}
    leave_gallery(folder, [], {"newly_wrong": [wrong], "newly_right": [right]})
    return run_id


def write_rejected_run(home: Home, number: int) -> str:
    """Write a run whose data was rejected, with the thumbnails of the offending images."""
    run_id = write_run(home, Outcome.DATA_REJECTED, number=number, hours_ago=100 - number)
    items = [{"path": NASTY, "value": "3024x3024", "url": thumbnail()}]
    leave_gallery(home.runs / run_id, [{**FINDING, "items": items}], {})
    return run_id


def write_model(home: Home) -> dict[str, str]:
    """Write a model's runs: two promoted, one rejected, one that waits; return ids by outcome."""
    first = write_judged_run(home, 1, "1")
    write_promotion(home, "1", first)
    second = write_judged_run(home, 2, "2")
    write_promotion(home, "2", second)
    rejected = write_rejected_run(home, 3)
    waiting = write_judged_run(home, 4, "3", outcome=Outcome.AWAITING_APPROVAL)
    return {PROMOTED: second, "rejected": rejected, "waiting": waiting}


def chart_data(page: str) -> list[dict[str, Any]]:
    """Return what a page gives the script that draws its charts."""
    blocks = re.findall(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    return [json.loads(block) for block in blocks]


def thumbnail() -> str:
    """Return a small gray image as a data URL."""
    png = io.BytesIO()
    Image.new("L", (96, 64), 128).save(png, "PNG")
    return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()
