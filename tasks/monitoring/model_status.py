"""A home goes in; for each model one sentence, one action, and whether somebody is needed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from tasks.config.installed_models import file_of, read_model
from tasks.errors import DamagedFileError, SettingsError
from tasks.monitoring.activity import is_in_progress, is_resumed
from tasks.monitoring.in_production import Production, production_of
from tasks.monitoring.model_names import model_names, newest_ledger
from tasks.monitoring.run_calendar import next_due, overdue_since
from tasks.monitoring.status_words import (
    Said,
    say_damaged,
    say_damaged_champion,
    say_died,
    say_ended,
    say_healthy,
    say_interrupted,
    say_late,
    say_new,
    say_next,
    say_nothing,
    say_overdue,
    say_wrong_file,
)
from tasks.outcome import Outcome
from tasks.registry.champion_file import damage_of_version
from tasks.runs.run_folder import started_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tasks.runs.summary import RunSummary
    from tasks.storage.home import Home

STRIP = 30
# So many runs in a row that ended by an error are no accident.
FAILURES = 3


class Health(StrEnum):
    """Whether a model needs somebody."""

    HEALTHY = "healthy"
    ATTENTION = "attention"
    FAILING = "failing"

    @property
    def exit_code(self) -> int:
        """Exit code of `pixelgate status`."""
        return {Health.HEALTHY: 0, Health.ATTENTION: 6, Health.FAILING: 7}[self]


@dataclass(frozen=True)
class RunMark:
    """A run in the strip of the last ones.

    Attributes:
        run_id: names its folder.
        outcome: how it ended; unfinished if it has not.
        message: in one line.
    """

    run_id: str
    outcome: Outcome
    message: str


@dataclass(frozen=True)
class ModelStatus:
    """Whether production is healthy, and if not, what to do.

    Attributes:
        name: of the registered model.
        health: healthy; attention, where production goes on but somebody should look; failing,
            where nothing is in production, its file or its records are damaged, or run after run
            fails.
        sentence: what is the case.
        action: what to do; empty if nothing.
        production: the version in production; None if there is none, or if it can't be told.
        running: id of the run in progress; None if there is none.
        last: the last run that ended; None if there is none.
        waiting: versions that wait for a person.
        strip: the last 30 runs, the oldest first.
        due: when the next run is due, which is in the past if it is late; None for a model that is
            not installed or has no schedule.
        late: whether it is late.
        damage: what is wrong with the file of the version in production; empty if nothing.
        resumed: whether the newest run was interrupted, and the next one goes on with it.
    """

    name: str
    health: Health
    sentence: str
    action: str
    production: Production | None
    running: str | None
    last: RunSummary | None
    waiting: tuple[str, ...]
    strip: tuple[RunMark, ...]
    due: datetime | None = None
    late: bool = False
    damage: str = ""
    resumed: bool = False


def model_statuses(
    home: Home, summaries: Sequence[RunSummary], *, late_after_hours: float | None = None
) -> list[ModelStatus]:
    """Return the status of every model of a home, sorted by name.

    Args:
        home: of any of them.
        summaries: of all runs of the home, the newest first.
        late_after_hours: a model whose last run is older needs attention; None for any age.
    """
    return [
        status_of(
            home.renamed(name),
            [summary for summary in summaries if summary.name == name],
            late_after_hours=late_after_hours,
        )
        for name in model_names(home, summaries)
    ]


def worst_health(statuses: Iterable[ModelStatus]) -> Health:
    """Return the health of the model that is worst off; healthy if there is none."""
    return max((each.health for each in statuses), key=list(Health).index, default=Health.HEALTHY)


def status_of(
    home: Home, summaries: Sequence[RunSummary], *, late_after_hours: float | None = None
) -> ModelStatus:
    """Return the status of one model.

    Args:
        home: of the model.
        summaries: of its runs, the newest first.
        late_after_hours: see `model_statuses`.
    """
    ended = [each for each in summaries if each.outcome is not Outcome.UNFINISHED]
    last = ended[0] if ended else None
    running = died = None
    if summaries and summaries[0].outcome is Outcome.UNFINISHED:
        is_running = is_in_progress(home, summaries[0])
        running, died = (summaries[0], None) if is_running else (None, summaries[0])
    production, damage, broken = _production(home, summaries)
    if broken is not None:
        health, said = Health.FAILING, broken
    else:
        health, said = _judge(home, production, ended, died, late_after_hours)
        if production is None and not summaries and file_of(home).exists():
            said = say_new()
    due, late, wrong = _due(home, summaries)
    if health is Health.HEALTHY:
        health, said = _with_calendar(home, said, last, due, late=late)
    if wrong and broken is None:
        health = max(health, Health.ATTENTION, key=list(Health).index)
        said = say_wrong_file(wrong)
    return ModelStatus(
        name=home.name,
        health=health,
        sentence=said.sentence,
        action=said.action,
        production=production,
        running=running.run_id if running else None,
        last=last,
        waiting=_waiting(ended, production),
        strip=tuple(
            RunMark(each.run_id, each.outcome, each.first_line)
            for each in reversed(summaries[:STRIP])
        ),
        due=due,
        late=late,
        damage=damage,
        resumed=is_resumed(_over(died, ended)),
    )


def _production(
    home: Home, summaries: Sequence[RunSummary]
) -> tuple[Production | None, str, Said | None]:
    """Return what is in production, what is wrong with its file, and the words if it is broken."""
    try:
        production = production_of(home, summaries)
    except DamagedFileError as error:
        return None, "", say_damaged(error)
    # The files of another store are not here.
    if production is None or newest_ledger(home) != home.ledger():
        return production, "", None
    damage = damage_of_version(home, production.version)
    if damage is None:
        return production, "", None
    return production, damage, say_damaged_champion(production, damage)


def _due(
    home: Home, summaries: Sequence[RunSummary]
) -> tuple[datetime | None, bool, SettingsError | None]:
    """Return when the next run is due, whether it is late, and what is wrong with its file."""
    file = file_of(home)
    if not file.exists():
        return None, False, None
    try:
        model = read_model(file)
    except SettingsError as error:
        return None, False, error
    now = datetime.now(UTC)
    installed = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    # A schedule that was changed counts from its change.
    last_start = max([installed, *(start_of(each) for each in summaries[:1])])
    overdue = overdue_since(model, last_start, now)
    if overdue is not None:
        return overdue, True, None
    return next_due(model, last_start if model.interval else now), False, None


def start_of(run: RunSummary) -> datetime:
    """Return when a run started; of one that doesn't say, the beginning of time."""
    try:
        return run.started or started_at(run.run_id)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def _with_calendar(
    home: Home, said: Said, last: RunSummary | None, due: datetime | None, *, late: bool
) -> tuple[Health, Said]:
    if due is None:
        return Health.HEALTHY, said
    return (
        (Health.ATTENTION, say_overdue(home, last, due))
        if late
        else (
            Health.HEALTHY,
            say_next(said, due),
        )
    )


def _judge(
    home: Home,
    production: Production | None,
    ended: Sequence[RunSummary],
    died: RunSummary | None,
    late_after_hours: float | None,
) -> tuple[Health, Said]:
    """Return the health and the words of a model whose records are sound: the worst comes first."""
    last = ended[0] if ended else None
    newest = died or last
    if newest is not None and is_resumed(_over(died, ended)):
        return _worse(production), say_interrupted(home, newest, production)
    if died is not None:
        return _worse(production), say_died(home, died)
    if last is not None and (last.outcome.is_bad or _waits(last, production)):
        failed = [each.outcome is Outcome.FAILED for each in ended[:FAILURES]]
        always = all(failed) and len(failed) == FAILURES
        return Health.FAILING if always else _worse(production), say_ended(home, last, production)
    if production is None:
        return Health.FAILING, say_nothing(home, last)
    late = last is not None and late_after_hours is not None and _hours(last) > late_after_hours
    if last is not None and late:
        return Health.ATTENTION, say_late(home, last, late_after_hours or 0)
    return Health.HEALTHY, say_healthy(production, last)


def _over(died: RunSummary | None, ended: Sequence[RunSummary]) -> list[RunSummary]:
    return [*ended] if died is None else [died, *ended]


def _worse(production: Production | None) -> Health:
    return Health.FAILING if production is None else Health.ATTENTION


def _hours(run: RunSummary) -> float:
    moment = run.finished or run.started
    return (datetime.now(moment.tzinfo) - moment).total_seconds() / 3600 if moment else 0.0


def _waits(run: RunSummary, production: Production | None) -> bool:
    """Return whether nobody has decided yet on the version of a run that ended waiting."""
    is_decided = production is not None and run.model_version in production.decided
    return run.outcome is Outcome.AWAITING_APPROVAL and not is_decided


def _waiting(ended: Sequence[RunSummary], production: Production | None) -> tuple[str, ...]:
    """Return the version that waits for approval: only the newest is worth a decision."""
    for each in ended:
        if each.outcome is Outcome.AWAITING_APPROVAL and each.model_version:
            return (each.model_version,) if _waits(each, production) else ()
        if each.outcome.is_judged:
            break
    return ()
