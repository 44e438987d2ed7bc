"""A model goes in; what a person can do about it at the desk comes out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tasks.errors import PixelgateError
from tasks.monitoring.rejected_rules import stopping_rules
from tasks.monitoring.run_requests import waiting_requests
from tasks.validation.overrides import list_overrides
from tasks.validation.quarantine import READABLE, list_quarantine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.monitoring.model_status import ModelStatus
    from tasks.monitoring.run_requests import RunRequest
    from tasks.runs.summary import RunSummary
    from tasks.storage.home import Home

# `pixelgate up` looks for requests every few seconds; later than this, nobody looks.
PATIENCE = 60.0
FILES_SHOWN, VERSIONS_SHOWN = 100, 50


@dataclass(frozen=True)
class OpenActions:
    """What can be done about a model.

    Attributes:
        waiting: versions that wait for approval.
        versions: others that could be promoted, the newest first.
        can_roll_back: whether there was a champion before the present one.
        quarantined: the first files in quarantine: path, rules, since and readable.
        files: how many are in quarantine.
        readable: how many of them can be cleared.
        request: the run that waits to start; None if there is none.
        waits: what it waits for, in one sentence.
        problem: why part of this can't be told; empty if all can.
    """

    waiting: tuple[str, ...]
    versions: tuple[str, ...]
    can_roll_back: bool
    quarantined: tuple[dict[str, Any], ...]
    files: int
    readable: int
    request: RunRequest | None
    waits: str
    problem: str


@dataclass(frozen=True)
class Acceptance:
    """Whether the data that a run rejected can be accepted.

    Attributes:
        rules: those that stopped it; none if it was not rejected.
        accepted: by whom and why it was accepted since; empty if it was not.
    """

    rules: tuple[str, ...]
    accepted: str = ""


def acceptance_of(home: Home, run: RunSummary) -> Acceptance:
    """Return whether the data of a run can be accepted.

    Args:
        home: of the run's model.
        run: that may have rejected its data.
    """
    rules = stopping_rules(run)
    if not rules or run.data_fingerprint is None:
        return Acceptance(())
    fingerprint = run.data_fingerprint
    try:
        covering = (each for each in list_overrides(home) if each.covers(fingerprint, rules))
        return Acceptance(rules, next((each.sentence for each in covering), ""))
    except PixelgateError as error:
        return Acceptance(rules, str(error))


def open_actions(home: Home, status: ModelStatus, runs: Sequence[RunSummary]) -> OpenActions:
    """Return what can be done about a model, without a question to the registry.

    Args:
        home: of the model.
        status: of the model.
        runs: of the model, the newest first.
    """
    files, problem = [], ""
    try:
        files = list_quarantine(home)
    except PixelgateError as error:
        problem = str(error)
    request = next((each for each in waiting_requests(home) if each.model == home.name), None)
    current = status.production.version if status.production else None
    decided = status.production.decided if status.production else frozenset()
    versions = {each.model_version for each in runs if each.model_version} | decided
    # What waits has a button of its own.
    others = sorted(versions - {current, *status.waiting}, key=_number, reverse=True)
    return OpenActions(
        waiting=status.waiting,
        versions=tuple(others[:VERSIONS_SHOWN]),
        can_roll_back=len(decided) > 1,
        quarantined=tuple(files[:FILES_SHOWN]),
        files=len(files),
        readable=sum(bool(each[READABLE]) for each in files),
        request=request,
        waits=say_waits(home, request, running=status.running) if request else "",
        problem=problem,
    )


def say_waits(home: Home, request: RunRequest, *, running: str | None) -> str:
    """Return what a run that was asked for waits for.

    Args:
        home: of the model.
        request: for the run.
        running: id of the run in progress; None if there is none.
    """
    if running is not None:
        return f"It waits to start until run {running} has ended."
    seconds = (datetime.now(UTC) - request.asked).total_seconds()
    if seconds < PATIENCE:
        return "It waits to start."
    known = (home.installed_models / f"{home.name}.toml").exists()
    remedy = (
        "Is `pixelgate up` running?"
        if known
        else f"`pixelgate up` doesn't know this model: {home.installed_models / home.name}.toml is"
        " missing."
    )
    return f"Nothing has picked it up for {seconds / 60:.0f} min. {remedy}"


def _number(version: str) -> int:
    return int(version) if version.isdecimal() else 0
