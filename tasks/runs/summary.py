"""RunSummary: a run as one typed record, which CI, the desk and notifications read.

Its JSON is a contract, documented in docs/summary.md.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from tasks.errors import INTERRUPTED, DamagedFileError
from tasks.outcome import Outcome
from tasks.runs.check import Check
from tasks.runs.run_folder import (
    CHAMPION_EVALUATION,
    EVALUATION,
    FACTS,
    REGISTRATION,
    SUMMARY,
    TRAINING,
    VERDICT,
    read_evidence,
    read_stages,
)
from tasks.runs.slice_table import slice_table
from tasks.storage.atomic import read_json, write_json

if TYPE_CHECKING:
    from tasks.runs.run_folder import Run
    from tasks.storage.home import Home


class StageTime(BaseModel):
    """The duration of a stage."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="The stage, as Prefect names its task.")
    seconds: float = Field(description="Wall time, retries included.")


class RunSummary(BaseModel):
    """How a run ended and what it measured; what it did not reach is null or empty."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str = Field(description="Sorts by time; the name of the run's folder.")
    name: str | None = Field(None, description="The registered model.")
    outcome: Outcome = Field(description="How the run ended.")
    message: str = Field("", description="What happened; the first line is a summary.")
    exit_code: int | None = Field(None, description="Exit code of `pixelgate run` or `gate`.")
    data_fingerprint: str | None = Field(
        None, description="SHA-256 over path, label, split and content of every file."
    )
    images: int | None = Field(None, description="Image files found.")
    classes: list[str] | None = Field(None, description="Labels of the readable images.")
    quarantined: int | None = Field(None, description="Files left out of the run.")
    override: dict[str, Any] | None = Field(
        None, description="Who overruled the verdict, when and why."
    )
    moves: dict[str, int] = Field(
        {}, description="Files added, removed, changed, renamed, relabelled since the baseline."
    )
    gate: list[dict[str, Any]] = Field([], description="Findings of the data gate.")
    model: str | None = Field(None, description="`training.model`, or the one chosen for `auto`.")
    model_reason: str | None = Field(None, description="Why it was chosen.")
    training: dict[str, Any] | None = Field(
        None, description="Epochs, parameters and how training ended."
    )
    metrics: dict[str, float] | None = Field(None, description="The new model, on the test split.")
    champion_metrics: dict[str, float] | None = Field(
        None, description="The champion, on the same images."
    )
    slices: list[dict[str, Any]] = Field(
        [], description="Accuracies of both models on classes, slices and corrupted images."
    )
    model_version: str | None = Field(None, description="Version of the registered model.")
    model_gate: list[Check] = Field([], description="Checks of the model gate.")
    comparison: dict[str, Any] | None = Field(
        None, description="The new model against the champion, image by image."
    )
    stages: list[StageTime] = Field([], description="The stages that ran, in their order.")
    started: datetime | None = Field(None, description="UTC.")
    finished: datetime | None = Field(None, description="UTC.")
    directory: Path = Field(description="Folder of the run's evidence.")
    report: Path = Field(description="The page with the run's whole evidence.")

    @property
    def first_line(self) -> str:
        """The message in one line."""
        return (self.message.splitlines() or [""])[0]

    @property
    def was_interrupted(self) -> bool:
        """Whether it was ended on purpose, to be resumed."""
        is_open = self.outcome in (Outcome.FAILED, Outcome.UNFINISHED)
        return is_open and self.message.startswith(INTERRUPTED)


def write_summary(run: Run, *, outcome: Outcome, message: str, exit_code: int) -> RunSummary:
    """Collect the records of the stages from the run's folder and write summary.json.

    Args:
        run: the run.
        outcome: how it ended.
        message: what happened; the first line is a summary.
        exit_code: of the command line.
    """
    verdict = read_evidence(run, VERDICT)
    registration = read_evidence(run, REGISTRATION)
    facts = read_evidence(run, FACTS)
    summary = RunSummary(
        run_id=run.id,
        name=run.config.name,
        outcome=outcome,
        message=message,
        exit_code=exit_code,
        data_fingerprint=facts.get("data_fingerprint"),
        images=facts.get("images"),
        classes=facts.get("classes"),
        quarantined=facts.get("quarantined"),
        override=verdict.get("override"),
        moves=verdict.get("moves", {}),
        gate=verdict.get("findings", []),
        model=facts.get("model"),
        model_reason=facts.get("model_reason"),
        training=read_evidence(run, TRAINING) or None,
        metrics=_numbers(read_evidence(run, EVALUATION)) or facts.get("metrics"),
        champion_metrics=_numbers(read_evidence(run, CHAMPION_EVALUATION)),
        slices=slice_table(read_evidence(run, EVALUATION), read_evidence(run, CHAMPION_EVALUATION)),
        model_version=registration.get("version") or facts.get("model_version"),
        model_gate=registration.get("checks", []),
        comparison=registration.get("comparison"),
        stages=[StageTime(**stage) for stage in read_stages(run)],
        started=run.started,
        finished=datetime.now(UTC).replace(microsecond=0),
        directory=run.directory,
        report=run.report,
    )
    # Relative to home in the file, so that a home can be moved.
    home = run.config.paths
    relative = {
        "directory": run.directory.relative_to(home.root).as_posix(),
        "report": run.report.relative_to(home.root).as_posix(),
    }
    plain = home.stored(summary.model_dump(mode="json")) | relative
    write_json(run.directory / SUMMARY, plain)
    return _summary_in(home, home.shown(plain))


def read_summary(home: Home, run_id: str) -> RunSummary:
    """Read the summary of a run that ended.

    Raises:
        FileNotFoundError: the run has none yet.
        DamagedFileError: the file is torn, or no summary.
    """
    file = home.runs / run_id / SUMMARY
    plain = read_json(file, home.shown_json)
    try:
        return _summary_in(home, plain)
    except (ValueError, KeyError, TypeError) as error:
        problem = f"it is no summary ({(str(error).splitlines() or [''])[0]})"
        raise DamagedFileError(file, problem) from None


def _summary_in(home: Home, plain: dict[str, Any]) -> RunSummary:
    """Return the summary that summary.json holds, whose texts name the present home."""
    paths = {name: home.root / plain[name] for name in ("directory", "report")}
    return RunSummary.model_validate(plain | paths)


def _numbers(evaluation: dict[str, Any]) -> dict[str, float] | None:
    if not evaluation:
        return None
    return {
        name: value
        for name, value in evaluation.items()
        if isinstance(value, (int, float)) and name != "confidence_level"
    }
