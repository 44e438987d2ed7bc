"""The folder of a run, and the records its stages write there."""

from __future__ import annotations

import contextlib
import json
import math
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tasks.storage.atomic import read_json, write_json
from tasks.storage.locks import file_lock

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.config.schema import RetrainConfig

CONFIG = "config.json"
NUMBER = "number"
SUMMARY = "summary.json"
REPORT = "report.html"
INVENTORY = "inventory.parquet"
STAGES = "stages.jsonl"
PROGRESS = "progress.jsonl"
VALIDATION = "validation"
VERDICT = f"{VALIDATION}/verdict.json"
EVALUATION = "evaluation/predictions.json"
CHAMPION_EVALUATION = "evaluation/champion_predictions.json"
REGISTRATION = "registration.json"
TRAINING = "model/training.json"
HISTORY = "model/history.csv"
CARD, CARD_PAGE = "model_card.md", "model_card.html"
FACTS = "facts.json"
GALLERY, THUMBNAILS = "gallery.json", "thumbnails"
MOMENT = "%Y%m%d-%H%M%S"


@dataclass(frozen=True)
class Run:
    """One run: its settings and its folder.

    Attributes:
        id: sorts by time; also the name of the folder.
        config: every setting.
        directory: runs/<id>, which holds the evidence.
    """

    id: str
    config: RetrainConfig
    directory: Path

    @property
    def report(self) -> Path:
        """The page with the run's whole evidence."""
        return self.directory / REPORT

    @property
    def validation(self) -> Path:
        """Folder with the data gate's evidence."""
        return self.directory / VALIDATION

    @property
    def started(self) -> datetime:
        """Time at which the run was opened, UTC, in whole seconds."""
        return started_at(self.id)


def started_at(run_id: str) -> datetime:
    """Return when a run was opened, UTC, in whole seconds.

    Raises:
        ValueError: it is no id of a run.
    """
    moment, _, _ = run_id.rpartition("-")
    return datetime.strptime(moment, MOMENT).replace(tzinfo=UTC)


def open_run(config: RetrainConfig) -> Run:
    """Create the folder of a new run and write its settings there."""
    # The random part separates runs of several models that start in the same second.
    run_id = f"{datetime.now(UTC).strftime(MOMENT)}-{secrets.token_hex(2)}"
    run = reopen_run(config, run_id)
    with file_lock(config.paths.runs):
        number = 1 + max((run_number(each) for each in config.paths.runs.glob("*")), default=0)
        run.directory.mkdir(parents=True)
        (run.directory / NUMBER).write_text(f"{number}\n")
    write_json(run.directory / CONFIG, stored_settings(config))
    return run


def reopen_run(config: RetrainConfig, run_id: str) -> Run:
    """Return a run that was opened before, perhaps by another process."""
    return Run(id=run_id, config=config, directory=config.paths.runs / run_id)


def stored_settings(config: RetrainConfig) -> dict[str, Any]:
    """Return every setting as a run's evidence holds it: without the path of home."""
    settings = config.model_dump(mode="json", exclude={"home"})
    return config.paths.stored(settings)  # type: ignore[no-any-return]


def run_number(directory: Path) -> int:
    """Return which run of its home a folder is, from 1; 0 for one that doesn't say."""
    try:
        return int((directory / NUMBER).read_text())
    except (OSError, ValueError):
        return 0


def record_stage(run: Run, name: str, seconds: float) -> None:
    """Append a stage and its duration to the run's evidence."""
    with (run.directory / STAGES).open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({"name": name, "seconds": round(seconds, 3)}) + "\n")


def read_stages(run: Run) -> list[dict[str, Any]]:
    """Return name and seconds of each stage so far, in the order they ended."""
    file = run.directory / STAGES
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return [json.loads(line) for line in lines]


def record_progress(run: Run, **event: Any) -> None:
    """Append what a run is doing to progress.jsonl, where readers follow it.

    Args:
        run: in progress.
        event: of a stage stage, state (begun or ended) and seconds; of an epoch epoch, epochs and
            metrics. A metric that is no number is written as null.
    """
    metrics = event.get("metrics")
    if metrics is not None:
        event["metrics"] = {
            name: round(value, 6) if math.isfinite(value) else None
            for name, value in metrics.items()
        }
    line = json.dumps({"at": datetime.now(UTC).isoformat(timespec="seconds"), **event})
    # A view of the run, which goes on without it; a full disk is noticed where it matters.
    with contextlib.suppress(OSError), (run.directory / PROGRESS).open("a", encoding="utf-8") as to:
        to.write(f"{line}\n")


def record_facts(run: Run, **facts: Any) -> None:
    """Add single values, such as the fingerprint, to the run's evidence."""
    write_json(run.directory / FACTS, read_evidence(run, FACTS) | facts)


def read_evidence(run: Run, name: str) -> dict[str, Any]:
    """Read a record from the run's folder; empty if its stage did not write one."""
    file = run.directory / name
    record: dict[str, Any] = read_json(file) if file.exists() else {}
    return record
