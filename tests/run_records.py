"""Homes with the records of runs that never took place, as many as a test wants."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tasks.outcome import Outcome
from tasks.registry.decision_ledger import Step, append, read_ledger
from tasks.runs.run_folder import CONFIG, MOMENT, NUMBER, SUMMARY
from tasks.runs.summary import RunSummary, StageTime

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.storage.home import Home

ACCURACY = {"accuracy": 0.989, "accuracy_low": 0.982, "accuracy_high": 0.994, "macro_f1": 0.98}
STAGES = {"inventory": 4.2, "validate": 6.1, "train": 81.5, "evaluate": 2.0, "register": 7.9}
FINDING = {
    "rule": "sizes",
    "threshold": "400x300",
    "observed": "3024x3024: 17 of 2,062 images",
    "success": False,
    "severity": "critical",
    "remedy": "Resize or remove these files.",
    "expectation": "expect_column_values_to_be_in_set",
    "description": "Every image has a size that is expected.",
    "offenders": 17,
    "examples": ["cat/<svg onload=alert(1)>.jpg", "cat/2.jpg"],
    "value": None,
    "quarantined": False,
    "grouped": False,
    "note": "",
}
BAD_CODES = {Outcome.DATA_REJECTED: 3, Outcome.MODEL_REJECTED: 4, Outcome.FAILED: 1}


def write_run(
    home: Home, outcome: Outcome, *, number: int = 1, hours_ago: float = 1.0, **fields: Any
) -> str:
    """Write the record of a run; return its id.

    Args:
        home: of its model.
        outcome: how it ended; of an unfinished one there is no summary.
        number: of the run in its home, from 1.
        hours_ago: when it ended.
        fields: others of the summary.
    """
    finished = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=hours_ago)
    started = finished - timedelta(seconds=sum(STAGES.values()))
    run_id = f"{started.strftime(MOMENT)}-{number:04x}"
    folder = home.runs / run_id
    folder.mkdir(parents=True)
    (folder / CONFIG).write_text(json.dumps({"name": home.name}), "utf-8")
    (folder / NUMBER).write_text(f"{number}\n", "utf-8")
    if outcome is Outcome.UNFINISHED:
        return run_id
    summary = RunSummary.model_validate(
        {
            "run_id": run_id,
            "name": home.name,
            "outcome": outcome,
            "exit_code": BAD_CODES.get(outcome, 0),
            "message": f"{outcome.headline}\nmore of it",
            "images": 2_062,
            "classes": ["cat", "dog"],
            "gate": [FINDING] if outcome is Outcome.DATA_REJECTED else [],
            "stages": [StageTime(name=name, seconds=each) for name, each in STAGES.items()],
            "started": started,
            "finished": finished,
            "directory": f"runs/{run_id}",
            "report": f"runs/{run_id}/report.html",
            "metrics": ACCURACY if outcome.is_judged else None,
            **fields,
        }
    )
    (folder / SUMMARY).write_text(summary.model_dump_json(), "utf-8")
    (folder / "report.html").write_text(f"<h1>Report of {run_id}</h1>", "utf-8")
    return run_id


def write_promotion(home: Home, version: str, run_id: str) -> None:
    """Write to the ledger that a run's version came into production."""
    entries = read_ledger(home.ledger())
    before = entries[-1].version if entries else None
    for step in (Step.BEGUN, Step.DONE):
        append(
            home.ledger(),
            entries,
            step=step,
            action="promote",
            version=version,
            before=before,
            who=f"run {run_id}",
            why="better than the champion",
        )


def wear(folder: Path, *, days: float = 2.0) -> None:
    """Let everything in a folder look as if it was written days ago."""
    moment = time.time() - days * 86_400
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (moment, moment))
