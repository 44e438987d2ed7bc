"""What a model's status says: one sentence of what is the case, and one action."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tasks.monitoring.rejected_rules import stopping_findings
from tasks.monitoring.run_advice import how_to_run, name_option
from tasks.outcome import Outcome

if TYPE_CHECKING:
    from tasks.errors import DamagedFileError, SettingsError
    from tasks.monitoring.in_production import Production
    from tasks.runs.summary import RunSummary
    from tasks.storage.home import Home

MINUTE, HOUR, DAY = 60, 3600, 86400
LAST = {
    Outcome.PROMOTED: "promoted it",
    Outcome.KEPT_CHAMPION: "kept it",
    Outcome.UNCHANGED: "found nothing new",
    Outcome.ACCEPTED: "accepted the data",
    Outcome.WORKER_DONE: "trained for another one",
    Outcome.AWAITING_APPROVAL: "left it to a person",
}


@dataclass(frozen=True)
class Said:
    """The words of a status.

    Attributes:
        sentence: what is the case.
        action: what to do; empty if nothing.
    """

    sentence: str
    action: str = ""


def span(seconds: float) -> str:
    """Return a duration in its largest unit, such as "4 h"."""
    for unit, name in ((DAY, "day"), (HOUR, "h"), (MINUTE, "min")):
        count = round(seconds / unit)
        if seconds >= unit:
            return f"{count} {name}{'s' if name == 'day' and count != 1 else ''}"
    return "less than a minute"


def since(moment: datetime) -> str:
    """Return how long ago a moment was."""
    return span(max(0.0, (datetime.now(UTC) - moment).total_seconds()))


def percent(share: float) -> str:
    """Return a share with one decimal."""
    return f"{share:.1%}"


def describe_production(production: Production) -> str:
    """Return such as "Champion 14, 98.9% (98.2 to 99.4), 3 days old"."""
    words = f"Champion {production.version}"
    if production.accuracy is not None:
        words += f", {percent(production.accuracy)}"
    if production.accuracy_low is not None and production.accuracy_high is not None:
        words += f" ({100 * production.accuracy_low:.1f} to {100 * production.accuracy_high:.1f})"
    return f"{words}, {since(production.since)} old"


def say_healthy(production: Production, last: RunSummary | None) -> Said:
    """Return the words of a model that needs nobody."""
    sentence = f"Healthy. {describe_production(production)}"
    if last is None:
        return Said(f"{sentence}; its runs were removed.")
    return Said(f"{sentence}; the last run {_when(last)} {LAST.get(last.outcome, last.outcome)}.")


def say_nothing(home: Home, last: RunSummary | None) -> Said:
    """Return the words of a model that has no version in production."""
    sentence = "No version is in production"
    if last is not None and last.outcome is Outcome.ACCEPTED:
        sentence += f"; the gate accepted the data {_when(last)}"
    return Said(f"{sentence}.", f"Train one: {how_to_run(home)}")


def say_new() -> Said:
    """Return the words of a model that was installed and has not run yet."""
    return Said(
        "No version is in production: it was installed, and has not run yet.",
        "Nothing, if `pixelgate up` is running: it starts when it is due. Run now on its page at"
        " the desk starts it at once",
    )


def say_wrong_file(wrong: SettingsError) -> Said:
    """Return the words of an installed model whose file can't be read."""
    first, *others = str(wrong).splitlines()
    more = f" And {len(others)} more." if others else ""
    return Said(
        f"It is not retrained, as its file is wrong. {first}{more}",
        "Correct the file, which `pixelgate up` takes over within seconds",
    )


def say_damaged(error: DamagedFileError) -> Said:
    """Return the words of a model whose records can't be believed."""
    first, _, rest = str(error).partition(". ")
    return Said(
        f"What is in production can't be told: {first}.",
        rest.rstrip(".") or "Put it back: pixelgate restore ARCHIVE",
    )


def say_damaged_champion(production: Production, damage: str) -> Said:
    """Return the words of a model whose version in production has lost its file."""
    return Said(
        f"Champion {production.version} is lost or damaged: {damage}.",
        "Put its files back: pixelgate restore ARCHIVE",
    )


def say_died(home: Home, died: RunSummary) -> Said:
    """Return the words of a run whose process ended without a word."""
    return Said(
        f"The process of run {died.run_id} died; nobody is training.",
        f"Run again, which resumes: {how_to_run(home)}",
    )


def say_interrupted(home: Home, run: RunSummary, production: Production | None) -> Said:
    """Return the words of a run that was ended on purpose."""
    goes_on = f" Champion {production.version} stays in production." if production else ""
    return Said(
        f"Run {run.run_id} was interrupted, and is resumed by the next run.{goes_on}",
        "Nothing, if `pixelgate up` is running or its schedule goes on. At once:"
        f" {how_to_run(home)}",
    )


def say_late(home: Home, last: RunSummary, hours: float) -> Said:
    """Return the words of a model whose runs stay away."""
    return Said(
        f"Late. The last run ended {_when(last)}, and one is expected every {span(hours * HOUR)}.",
        f"Look whether the schedule is running (pixelgate serve), or run now: {how_to_run(home)}",
    )


def say_overdue(home: Home, last: RunSummary | None, due: datetime) -> Said:
    """Return the words of a model whose run did not start when it was due."""
    ended = f"the last one ended {_when(last)}" if last else "there was none yet"
    return Said(
        f"Late. A run was due {since(due)} ago and did not start; {ended}.",
        f"Look whether `pixelgate up` is running, or run now: {how_to_run(home)}",
    )


def say_next(said: Said, due: datetime) -> Said:
    """Add when the next run starts to the words of a healthy model."""
    ahead = (due - datetime.now(UTC)).total_seconds()
    return Said(f"{said.sentence.removesuffix('.')}; next run in {span(max(0.0, ahead))}.")


def say_ended(home: Home, last: RunSummary, production: Production | None) -> Said:
    """Return the words of a last run that somebody should look at."""
    report = f"Look at {home.stored(last.report)}".replace("<home>", str(home.root))
    goes_on = f" Champion {production.version} stays in production." if production else ""
    if last.outcome is Outcome.AWAITING_APPROVAL:
        version = last.model_version
        return Said(
            f"Version {version} waits for approval since {_when(last)}.{goes_on}",
            f'{report}, then: pixelgate promote {version} --reason "..."{name_option(home)}',
        )
    if last.outcome is Outcome.DATA_REJECTED:
        return Said(f"Data rejected {_when(last)}: {_finding(last)}.{goes_on}", report)
    if last.outcome is Outcome.MODEL_REJECTED:
        return Said(f"Model rejected {_when(last)}: {_check(last)}.{goes_on}", report)
    return Said(
        f"The last run failed {_when(last)}: {last.first_line.rstrip('.')}.{goes_on}", report
    )


def _when(run: RunSummary) -> str:
    moment = run.finished or run.started
    return f"{since(moment)} ago" if moment else "at an unknown time"


def _finding(run: RunSummary) -> str:
    stopping = stopping_findings(run)
    if not stopping:
        return run.first_line.rstrip(".")
    first: dict[str, Any] = stopping[0]
    more = f", and {len(stopping) - 1} more" if len(stopping) > 1 else ""
    return f"{first['rule']}: {first['observed']}{more}".rstrip(".")


def _check(run: RunSummary) -> str:
    failed = [each for each in run.model_gate if not each.success]
    return f"{failed[0].rule}: {failed[0].observed}" if failed else run.first_line.rstrip(".")
