"""The models' statuses and the limits go in; what somebody must be told of comes out, as alarms."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from tasks.config.installed_models import installed_names, wrong_files
from tasks.drill.kept_drill import last_drill
from tasks.errors import DamagedFileError
from tasks.monitoring.accepted_run import last_accepted
from tasks.monitoring.in_production import production_of
from tasks.monitoring.model_status import Health
from tasks.monitoring.run_advice import how_to_run, name_option
from tasks.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from tasks.config.alarm_settings import AlarmSettings
    from tasks.monitoring.model_status import ModelStatus
    from tasks.storage.home import Home

GIB = 2**30


class Severity(StrEnum):
    """How urgent an alarm is; the most urgent first."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Cause(StrEnum):
    """Why there is an alarm; each has a section in docs/operations.md."""

    PRODUCTION_UNKNOWN = "production_unknown"
    CHAMPION_DAMAGED = "champion_damaged"
    DISK_LOW = "disk_low"
    WRONG_MODEL_FILE = "wrong_model_file"
    CRASHED = "crashed"
    FAILED = "failed"
    DATA_REJECTED = "data_rejected"
    MODEL_REJECTED = "model_rejected"
    DRILL_FAILED = "drill_failed"
    LATE = "late"
    NO_ACCEPTED_RUN = "no_accepted_run"
    WAITING_FOR_APPROVAL = "waiting_for_approval"
    OLD_CHAMPION = "old_champion"


@dataclass(frozen=True)
class Alarm:
    """Something that somebody must be told of; there is one of each cause and model at most.

    Attributes:
        cause: why.
        model: that it is about; empty if it is about the machine.
        severity: critical alarms are sent in quiet hours too.
        sentence: what is the case; the same as long as the case is the same.
        action: the one thing to do.
        page: of the desk, such as /runs/ID.
    """

    cause: Cause
    model: str
    severity: Severity
    sentence: str
    action: str
    page: str


def find_alarms(
    home: Home,
    statuses: Sequence[ModelStatus],
    settings: AlarmSettings,
    *,
    now: datetime,
) -> list[Alarm]:
    """Return what somebody must be told of, the most urgent first.

    Args:
        home: of any of its models.
        statuses: of the models, as `model_statuses` returned them.
        settings: the limits.
        now: with its time zone.
    """
    found = [*_of_disk(home, settings), *_of_model_files(home)]
    for status in statuses:
        found += _Model(home.renamed(status.name), status, settings, now).alarms()
    causes, severities = list(Cause), list(Severity)
    return sorted(
        found,
        key=lambda each: (severities.index(each.severity), causes.index(each.cause), each.model),
    )


@dataclass(frozen=True)
class _Model:
    """What is known of one model; each method yields one alarm or none."""

    home: Home
    status: ModelStatus
    settings: AlarmSettings
    now: datetime

    def alarms(self) -> list[Alarm]:
        return [
            *self._of_ledger(),
            *self._of_file(),
            # Who interrupts a run knows of it.
            *(() if self.status.resumed else (*self._of_crash(), *self._of_last_run())),
            *self._of_drill(),
            *self._of_calendar(),
            *self._of_acceptance(),
            *self._of_approval(),
            *self._of_champion(),
        ]

    def _of_ledger(self) -> Iterator[Alarm]:
        if self.status.production is not None:
            return
        try:
            production_of(self.home, ())
        except DamagedFileError as error:
            yield self._alarm(
                Cause.PRODUCTION_UNKNOWN,
                f"What is in production can't be told: {error.problem}.",
                "Put the ledger back: pixelgate restore ARCHIVE",
                severity=Severity.CRITICAL,
            )

    def _of_file(self) -> Iterator[Alarm]:
        production, damage = self.status.production, self.status.damage
        if production is not None and damage:
            yield self._alarm(
                Cause.CHAMPION_DAMAGED,
                f"Version {production.version}, which is in production, is lost or damaged:"
                f" {damage}.",
                "Put its files back: pixelgate restore ARCHIVE",
                severity=Severity.CRITICAL,
            )

    def _of_crash(self) -> Iterator[Alarm]:
        newest = self.status.strip[-1] if self.status.strip else None
        if newest and newest.outcome is Outcome.UNFINISHED and self.status.running is None:
            yield self._alarm(
                Cause.CRASHED,
                f"The process of run {newest.run_id} died; nobody is training.",
                f"Run again, which resumes: {how_to_run(self.home)}",
                run=newest.run_id,
                severity=self._urgency(),
            )

    def _of_last_run(self) -> Iterator[Alarm]:
        last = self.status.last
        if last is None or not last.outcome.is_bad:
            return
        words = {
            Outcome.DATA_REJECTED: (Cause.DATA_REJECTED, "Run {} rejected the data"),
            Outcome.MODEL_REJECTED: (Cause.MODEL_REJECTED, "Run {} rejected its model"),
            Outcome.FAILED: (Cause.FAILED, "Run {} failed"),
        }
        cause, what = words[last.outcome]
        reason = last.first_line.rstrip(".") or last.outcome.value
        yield self._alarm(
            cause,
            f"{what.format(last.run_id)}: {reason}.",
            "Open its report, which names the remedy.",
            run=last.run_id,
            severity=self._urgency(),
        )

    def _of_drill(self) -> Iterator[Alarm]:
        drill = last_drill(self.home)
        if drill is not None and drill.problem:
            yield self._alarm(
                Cause.DRILL_FAILED,
                f"The drill of {drill.at:%Y-%m-%d} found a hole in the data gate: {drill.problem}.",
                f"Set these rules and try again: pixelgate drill DIR{name_option(self.home)}",
            )

    def _of_calendar(self) -> Iterator[Alarm]:
        due = self.status.due
        if self.status.late and due is not None:
            yield self._alarm(
                Cause.LATE,
                f"A run was due at {due:%Y-%m-%d %H:%M} UTC and did not start.",
                f"Start it now: {how_to_run(self.home)}",
            )

    def _of_acceptance(self) -> Iterator[Alarm]:
        days = self.settings.no_accepted_run_days
        limit = self.now - timedelta(days=days)
        accepted, oldest = last_accepted(self.home, self.status.strip, since=limit)
        since = accepted or oldest
        if since is not None and since < limit:
            last = f"; the last one was on {accepted:%Y-%m-%d}" if accepted else ""
            yield self._alarm(
                Cause.NO_ACCEPTED_RUN,
                f"No run was accepted for more than {days:g} days{last}.",
                "See how the last runs ended: pixelgate runs",
            )

    def _of_approval(self) -> Iterator[Alarm]:
        for version in self.status.waiting:
            waits = (
                mark.run_id
                for mark in reversed(self.status.strip)
                if mark.outcome is Outcome.AWAITING_APPROVAL
            )
            yield self._alarm(
                Cause.WAITING_FOR_APPROVAL,
                f"Version {version} waits for somebody to approve it.",
                f'Approve it: pixelgate promote {version} --reason "..."{name_option(self.home)}',
                run=next(waits, None),
                severity=Severity.INFO,
            )

    def _of_champion(self) -> Iterator[Alarm]:
        production, days = self.status.production, self.settings.old_champion_days
        if production is not None and self.now - production.since > timedelta(days=days):
            yield self._alarm(
                Cause.OLD_CHAMPION,
                f"Version {production.version} is in production since"
                f" {production.since:%Y-%m-%d}, for more than {days:g} days.",
                "See why no newer one replaced it: pixelgate runs",
                severity=Severity.INFO,
            )

    def _urgency(self) -> Severity:
        """Return critical where nothing is in production, or run after run fails."""
        is_failing = self.status.health is Health.FAILING
        return Severity.CRITICAL if is_failing else Severity.WARNING

    def _alarm(
        self,
        cause: Cause,
        sentence: str,
        action: str,
        *,
        run: str | None = None,
        severity: Severity = Severity.WARNING,
    ) -> Alarm:
        page = f"/runs/{run}" if run else f"/models/{self.home.name}"
        return Alarm(cause, self.home.name, severity, sentence, action, page)


def _of_disk(home: Home, settings: AlarmSettings) -> Iterator[Alarm]:
    free = shutil.disk_usage(_existing(home.root)).free / GIB
    if free < settings.disk_low_gib:
        yield Alarm(
            Cause.DISK_LOW,
            "",
            Severity.CRITICAL,
            f"Less than {settings.disk_low_gib:g} GiB are free on the disk of the home.",
            f"See what takes the room: du -sh {shlex.quote(str(home.root))}/*",
            "/",
        )


def _of_model_files(home: Home) -> Iterator[Alarm]:
    known = installed_names(home)
    for file, problem in wrong_files(home).items():
        yield Alarm(
            Cause.WRONG_MODEL_FILE,
            file.stem,
            Severity.WARNING,
            f"{file.stem} is not retrained as its file says, which is wrong:"
            f" {problem.splitlines()[0]}",
            f"Correct {file}; `pixelgate up` takes it over within seconds.",
            f"/models/{file.stem}" if file.stem in known else "/",
        )


def _existing(folder: Path) -> Path:
    folder = folder.absolute()
    return next(each for each in (folder, *folder.parents) if each.exists())
