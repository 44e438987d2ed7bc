"""Summaries and what somebody looks for go in; the runs that fit, in order, come out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from tasks.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tasks.runs.summary import RunSummary

SORTS: dict[str, Callable[[RunSummary], float | str | None]] = {
    "run": lambda run: run.run_id,
    "model": lambda run: run.name,
    "outcome": lambda run: run.outcome.value,
    "accuracy": lambda run: (run.metrics or {}).get("accuracy"),
    "images": lambda run: run.images,
    "time": lambda run: sum(stage.seconds for stage in run.stages) if run.stages else None,
}


@dataclass(frozen=True)
class RunSelection:
    """What somebody looks for; an empty value fits every run.

    Attributes:
        model: its name.
        outcome: how the run ended.
        rule: of either gate, that the run failed.
        since: first day, UTC, ISO 8601.
        until: last day.
        text: part of the id, the message, or of what a failed rule says, in any case.
    """

    model: str = ""
    outcome: str = ""
    rule: str = ""
    since: str = ""
    until: str = ""
    text: str = ""


def select_runs(summaries: Iterable[RunSummary], wanted: RunSelection) -> list[RunSummary]:
    """Return the runs that fit, in the order given.

    Raises:
        UsageError: a date is none.
    """
    first = _day(wanted.since) if wanted.since else date.min
    last = _day(wanted.until) if wanted.until else date.max
    text = wanted.text.strip().casefold()
    return [
        run
        for run in summaries
        if wanted.model in ("", run.name)
        and wanted.outcome in ("", run.outcome)
        and (not wanted.rule or wanted.rule in rules_failed_by(run))
        and first <= _day_of(run) <= last
        and (not text or text in _words_of(run))
    ]


def sort_runs(runs: list[RunSummary], by: str, *, is_descending: bool) -> list[RunSummary]:
    """Return the runs sorted by one of `SORTS`; those without a value come last either way."""
    if by not in SORTS:
        return runs
    key = SORTS[by]
    known = [run for run in runs if key(run) is not None]
    known.sort(key=lambda run: (key(run), run.run_id), reverse=is_descending)
    return known + [run for run in runs if key(run) is None]


def rules_failed_by(run: RunSummary) -> set[str]:
    """Return the rules of both gates that a run failed."""
    failed = {finding["rule"] for finding in run.gate if not finding["success"]}
    return failed | {check.rule for check in run.model_gate if not check.success}


def rules_failed_in(summaries: Iterable[RunSummary]) -> list[str]:
    """Return every rule that some run failed, sorted."""
    return sorted(set().union(*map(rules_failed_by, summaries)))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"Not a date: {text}. Write it as 2026-03-31.") from None


def _day_of(run: RunSummary) -> date:
    moment = run.finished or run.started
    if moment is None:
        # Of an unfinished run, which has no summary: its id begins with the day.
        try:
            return datetime.strptime(run.run_id[:8], "%Y%m%d").replace(tzinfo=UTC).date()
        except ValueError:
            return date.min
    return moment.date()


def _words_of(run: RunSummary) -> str:
    observed = [str(each["observed"]) for each in run.gate if not each["success"]]
    observed += [check.observed for check in run.model_gate if not check.success]
    return "\n".join([run.run_id, run.message, *rules_failed_by(run), *observed]).casefold()
