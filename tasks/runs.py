"""The evidence of a run: its folder, the records its stages leave there, and its summary."""

from __future__ import annotations

import functools
import hashlib
import json
import secrets
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import RunInProgressError
from tasks.files import digest, read_json, write_json, write_parquet
from tasks.inventory.columns import LABEL, THUMBNAIL, fingerprint, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from tasks.config import RetrainConfig

SUMMARY = "summary.json"
INVENTORY = "inventory.parquet"
STAGES = "stages.jsonl"
VERDICT = "validation/verdict.json"
EVALUATION = "evaluation/predictions.json"
CHAMPION_EVALUATION = "evaluation/champion_predictions.json"
REGISTRATION = "registration.json"
TRAINING = "model/training.json"
FACTS = "facts.json"
# What a run learns from; other parts of the settings say where and to whom, not what.
LEARNT_FROM = ("name", "seed", "data", "gate", "generators", "training", "evaluation", "registry")


@dataclass(frozen=True)
class Run:
    """One run: its settings and its folder.

    Attributes:
        id: sorts by time, as the folder's name.
        config: every setting.
        directory: runs/<id>, where the evidence is.
    """

    id: str
    config: RetrainConfig
    directory: Path

    @property
    def report(self) -> Path:
        """The page that shows all of the run."""
        return self.directory / "report.html"


def open_run(config: RetrainConfig) -> Run:
    """Make the folder of a new run and write its settings there."""
    moment = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    run_id = f"{moment}-{secrets.token_hex(2)}"
    directory = config.home / "runs" / run_id
    directory.mkdir(parents=True)
    write_json(directory / "config.json", config.model_dump(mode="json"))
    return Run(id=run_id, config=config, directory=directory)


def reopen_run(config: RetrainConfig, run_id: str) -> Run:
    """Return a run that was opened before."""
    return Run(id=run_id, config=config, directory=config.home / "runs" / run_id)


@contextmanager
def only_one(config: RetrainConfig) -> Iterator[None]:
    """Hold the model's lock; the system frees it when the process ends, however it ends.

    Raises:
        RunInProgressError: another process holds it.
    """
    from filelock import FileLock, Timeout

    config.state.mkdir(parents=True, exist_ok=True)
    lock = FileLock(config.state / f"{config.name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunInProgressError(
            f"Another retraining of the model {config.name} is running in {config.home}. Wait for"
            " its end (`pixelgate runs`), or use another name."
        ) from None
    try:
        yield
    finally:
        lock.release()


def recipe_key(fingerprint: str, config: RetrainConfig) -> str:
    """Return a hash (64 hexadecimal digits) of all a result follows from: data, settings, code."""
    settings = config.model_dump(mode="json", include=set(LEARNT_FROM))
    # The same pictures in another folder, read by more processes, are the same pictures.
    settings["data"] = {
        name: value
        for name, value in settings["data"].items()
        if name not in ("directory", "manifest", "workers")
    }
    return digest([fingerprint, settings, code_version()])


@functools.cache
def code_version() -> str:
    """Return a hash over the source of the stages, the version of the code that decides."""
    here = Path(__file__).parent
    hasher = hashlib.sha256()
    for folder in (here, here.parent / "expectations"):
        for file in sorted(folder.rglob("*.py")):
            hasher.update(file.read_bytes())
    return hasher.hexdigest()[:16]


def note_stage(run: Run, name: str, seconds: float) -> None:
    """Add a stage and how long it took to the run's evidence."""
    with (run.directory / STAGES).open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({"name": name, "seconds": round(seconds, 3)}) + "\n")


def record_inventory(run: Run, inventory: pd.DataFrame) -> dict[str, Any]:
    """Leave inventory.parquet and what the summary tells of it.

    Returns:
        data_fingerprint, images (rows), classes (labels of readable rows) and quarantined (rows
        left out because they can't be read or have no label).
    """
    # Thumbnails stay in the shared cache; a run's evidence is kept for ever and should be small.
    write_parquet(run.directory / INVENTORY, inventory.drop(columns=THUMBNAIL))
    pictures = readable(inventory)
    facts = {
        "data_fingerprint": fingerprint(inventory),
        "images": len(inventory),
        "classes": sorted(set(pictures[LABEL])),
        "quarantined": len(inventory) - len(pictures),
    }
    note_facts(run, **facts)
    return facts


def note_facts(run: Run, **facts: Any) -> None:
    """Add single facts, such as the fingerprint, to the run's evidence."""
    write_json(run.directory / FACTS, evidence(run, FACTS) | facts)


def summarise(run: Run, *, outcome: str, message: str, exit_code: int) -> dict[str, Any]:
    """Gather what the stages left in the run's folder and write summary.json.

    Args:
        run: the run.
        outcome: promoted, kept_champion, unchanged, data_rejected, model_rejected or failed.
        message: what happened, the outcome in the first line.
        exit_code: of the command line.

    Returns:
        The summary, plain values only.
    """
    verdict = evidence(run, VERDICT)
    registration = evidence(run, REGISTRATION)
    facts = evidence(run, FACTS)
    summary = {
        "run_id": run.id,
        "name": run.config.name,
        "outcome": outcome,
        "message": message,
        "exit_code": exit_code,
        "data_fingerprint": facts.get("data_fingerprint"),
        "images": facts.get("images"),
        "classes": facts.get("classes"),
        "quarantined": facts.get("quarantined"),
        "override": verdict.get("override"),
        "moves": verdict.get("moves", {}),
        "gate": verdict.get("findings", []),
        "training": evidence(run, TRAINING) or None,
        "metrics": _numbers(evidence(run, EVALUATION)) or facts.get("metrics"),
        "champion_metrics": _numbers(evidence(run, CHAMPION_EVALUATION)),
        "model_version": registration.get("version") or facts.get("model_version"),
        "model_gate": registration.get("checks", []),
        "stages": _stages(run),
        "started": datetime.strptime(run.id[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC).isoformat(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "directory": str(run.directory),
        "report": str(run.report),
    }
    write_json(run.directory / SUMMARY, summary)
    return summary


def evidence(run: Run, name: str) -> dict[str, Any]:
    """Read a record a stage left in the run's folder; empty if that stage left none."""
    file = run.directory / name
    found: dict[str, Any] = read_json(file) if file.exists() else {}
    return found


def provenance(run: Run) -> dict[str, str]:
    """Return where a model comes from, as the tags of its version."""
    facts = evidence(run, FACTS)
    tags = {
        "pixelgate.run_id": run.id,
        "pixelgate.recipe": facts["recipe"],
        "pixelgate.data_fingerprint": facts["data_fingerprint"],
        "pixelgate.code_version": code_version(),
        "mlflow.source.git.commit": _git_revision(),
    }
    override = evidence(run, VERDICT).get("override") or {}
    tags |= {
        f"pixelgate.override.{name}": override.get(name, "") for name in ("who", "when", "why")
    }
    return {name: value for name, value in tags.items() if value}


def _git_revision() -> str:
    """Return the commit of the working directory; empty outside a git checkout."""
    try:
        asked = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607 - whatever git the user has
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return asked.stdout.strip()


def list_runs(home: Path) -> list[dict[str, Any]]:
    """Return the summaries of all runs, the newest first; a run without one is unfinished."""
    folders = sorted((home / "runs").glob("*/config.json"), reverse=True)
    return [_summary_of(config.parent) for config in folders]


def _summary_of(directory: Path) -> dict[str, Any]:
    file = directory / SUMMARY
    if file.exists():
        found: dict[str, Any] = read_json(file)
        return found
    name = read_json(directory / "config.json").get("name")
    return {"run_id": directory.name, "name": name, "outcome": "unfinished"}


def _stages(run: Run) -> list[dict[str, Any]]:
    file = run.directory / STAGES
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return [json.loads(line) for line in lines]


def _numbers(evaluation: dict[str, Any]) -> dict[str, float] | None:
    if not evaluation:
        return None
    return {
        name: value
        for name, value in evaluation.items()
        if isinstance(value, (int, float)) and name != "confidence_level"
    }
