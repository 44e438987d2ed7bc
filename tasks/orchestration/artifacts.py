"""The results of a stage go in; the tables, texts and links Prefect shows with a run come out."""

from __future__ import annotations

import functools
import logging
import re
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from tasks.drill.rehearsal import DrillResult
    from tasks.evaluation.evaluation_record import Evaluation
    from tasks.housekeeping.plan_records import Tidied
    from tasks.model_gate.rules import Decision
    from tasks.runs.run_folder import Run
    from tasks.serving.scoring import Score
    from tasks.validation.verdict import Verdict

# An artifact is one JSON value in Prefect's database; everything else is in the report.
ROWS_SHOWN = 50
# A server that is gone takes long to say so, once for each call.
SILENCE_SECONDS = 60.0
CHECK = ("rule", "success", "threshold", "observed", "remedy")
REMOVAL = ("kind", "model", "name", "bytes", "reason")
FINDING = ("rule", "severity", "success", "description", "observed", "remedy")

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger("pixelgate")
_silent_until = 0.0


def best_effort(function: Callable[P, R]) -> Callable[P, R | None]:
    """Make a fault of Prefect's server a warning: training is days of work, artifacts are a view.

    After a fault nothing is sent for a minute, and None is returned.
    """

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R | None:
        global _silent_until  # noqa: PLW0603 - a process has one connection to Prefect
        if time.monotonic() < _silent_until:
            return None
        try:
            return function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run goes on
            _silent_until = time.monotonic() + SILENCE_SECONDS
            reason = str(error) or type(error).__name__
            log.warning("Prefect was not told (%s); the run goes on", reason.splitlines()[0])
            return None

    return guarded


@best_effort
def show_class_counts(run: Run, counts: pd.DataFrame, message: str) -> None:
    """Show how many images each class has in each split."""
    create_table_artifact(_rows(counts), key=_key(run, "class-counts"), description=message)


@best_effort
def show_verdict(run: Run, verdict: Verdict) -> None:
    """Show every finding of the data gate, a link to Data Docs, and what failed as text."""
    create_table_artifact(
        [{name: getattr(finding, name) for name in FINDING} for finding in verdict.findings],
        key=_key(run, "data-gate"),
        description=verdict.headline,
    )
    create_link_artifact(
        verdict.data_docs.as_uri(), link_text="Data Docs", key=_key(run, "data-docs")
    )
    if verdict.failures:
        text = f"```\n{verdict.details}\n```"
        create_markdown_artifact(text, key=_key(run, "data-gate-failures"))


@best_effort
def show_moves(run: Run, moves: pd.DataFrame, counts: dict[str, int]) -> None:
    """Show the first files that were moved, changed, added or removed.

    Args:
        run: whose files they are.
        moves: one row per file, as in moves.parquet.
        counts: of all such files, by kind.
    """
    message = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    create_table_artifact(
        _rows(moves.fillna("")),
        key=_key(run, "moves"),
        description=f"Files since the last accepted run: {message}",
    )


def show_progress(run: Run) -> Callable[[int, int, str], None]:
    """Show a training's progress.

    Returns:
        A function of the epoch, the number of epochs and a message, which updates it.
    """
    create, move = best_effort(create_progress_artifact), best_effort(update_progress_artifact)
    progress: Any = create(0.0, key=_key(run, "training-progress"), description="training starts")

    def update(epoch: int, epochs: int, message: str) -> None:
        if progress is not None:
            description = f"epoch {epoch} of {epochs}: {message}"
            move(progress, 100 * epoch / epochs, description=description)

    return update


@best_effort
def show_evaluation(run: Run, evaluation: Evaluation) -> None:
    """Show precision, recall and the number of images of each class."""
    create_table_artifact(
        evaluation.per_class[:ROWS_SHOWN],
        key=_key(run, "evaluation"),
        description=f"accuracy {evaluation.accuracy:.4f} on {evaluation.test_images} test images",
    )


@best_effort
def show_decision(run: Run, decision: Decision) -> None:
    """Show the model gate's checks and decision, and a link to the report."""
    rows = "\n".join(f"- {check.sentence}" for check in decision.checks)
    create_markdown_artifact(
        f"## {decision.message}\n\n{rows}\n\nReport: `{run.report}`",
        key=_key(run, "model-gate"),
        description=decision.message,
    )
    show_report(run)


@best_effort
def show_report(run: Run) -> None:
    """Show a link to the report."""
    create_link_artifact(run.report.as_uri(), link_text="Report", key=_key(run, "report"))


def show_drill(model: str, results: Sequence[DrillResult]) -> list[dict[str, Any]]:
    """Show which planted faults the gate caught; return the rows."""
    rows = [asdict(result) for result in results]
    create_table_artifact(rows, key=_artifact_key(model, "drill"))
    return rows


@best_effort
def show_score(model: str, score: Score) -> None:
    """Show in what the new images and the answers to them differ from the known ones."""
    create_table_artifact(
        [{name: getattr(check, name) for name in CHECK} for check in score.checks],
        key=_artifact_key(model, "score"),
        description=f"{score.message}. {score.predictions}",
    )


@best_effort
def show_housekeeping(model: str, done: Tidied) -> None:
    """Show what housekeeping removed, the largest first."""
    largest = sorted(done.plan.removals, key=lambda each: each.bytes, reverse=True)[:ROWS_SHOWN]
    create_table_artifact(
        [{name: getattr(each, name) for name in REMOVAL} for each in largest],
        key=_artifact_key(model, "housekeeping"),
        description=done.sentence,
    )


def _rows(frame: pd.DataFrame) -> list[list[Any]]:
    shown = frame.head(ROWS_SHOWN)
    return [shown.columns.tolist(), *shown.to_numpy().tolist()]


def _key(run: Run, name: str) -> str:
    return _artifact_key(run.config.name, name)


def _artifact_key(model: str, name: str) -> str:
    """Artifact keys take only lower case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9-]+", "-", f"{model}-{name}".lower()).strip("-")
