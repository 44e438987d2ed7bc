"""The ledger's entries go in; which version was in production when, and before, comes out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tasks.errors import UsageError
from tasks.registry.decision_ledger import Step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.registry.decision_ledger import Entry

ROLLBACK, PROMOTE = "rollback", "promote"
DAY_LENGTH = len("2026-03-03")


@dataclass(frozen=True)
class Reign:
    """A time during which one version was in production, or none.

    Attributes:
        version: of the registered model; None if there was no champion.
        since: UTC, ISO 8601: when the change to it began.
        settled: when the change was known to be complete; until then the version before it may
            still have answered.
        until: when the change to the next version began; None for the present one.
        action: promote, rollback, or found where it was made elsewhere.
        who: a run or a person.
        why: the reason.
    """

    version: str | None
    since: str
    settled: str
    until: str | None
    action: str
    who: str
    why: str


def reigns_of(entries: Iterable[Entry]) -> list[Reign]:
    """Return every reign, the oldest first."""
    reigns: list[Reign] = []
    begun: Entry | None = None
    for entry in entries:
        change: Entry | None = None
        if entry.step is Step.BEGUN:
            begun = entry
        elif entry.step is Step.DONE:
            change = begun
        elif entry.step is Step.FOUND and not (reigns and reigns[-1].version == entry.version):
            change = entry
        if change is not None:
            if reigns:
                reigns[-1] = replace(reigns[-1], until=change.at)
            reigns.append(
                Reign(
                    version=change.version,
                    since=change.at,
                    settled=entry.at,
                    until=None,
                    action=change.action,
                    who=change.who,
                    why=change.why,
                )
            )
    return reigns


def champions_in_turn(entries: Iterable[Entry]) -> list[str]:
    """Return the versions that rollbacks would return to, the champion last.

    A promotion puts a version on top. A rollback takes those above its target away: a version that
    was withdrawn is none to return to.
    """
    stack: list[str] = []
    for reign in reigns_of(entries):
        if reign.version is None:
            continue
        if reign.action == ROLLBACK:
            del stack[-1:]
            while stack and stack[-1] != reign.version and reign.version in stack:
                stack.pop()
        if not stack or stack[-1] != reign.version:
            stack.append(reign.version)
    return stack


def reigns_at(reigns: Iterable[Reign], moment: str) -> list[Reign]:
    """Return the reigns at a moment, or those that a day saw, the oldest first.

    Args:
        reigns: as `reigns_of` returned them.
        moment: ISO 8601, UTC unless it names an offset; a date alone stands for the whole day.

    Raises:
        UsageError: it is no date or time.
    """
    first, last = _bounds(moment)
    return [
        reign
        for reign in reigns
        if datetime.fromisoformat(reign.since) <= last
        and (reign.until is None or datetime.fromisoformat(reign.until) > first)
    ]


def _bounds(moment: str) -> tuple[datetime, datetime]:
    try:
        start = datetime.fromisoformat(moment)
    except ValueError:
        raise UsageError(
            f"Not a date or time: {moment}. Expected ISO 8601, such as 2026-03-03 or"
            " 2026-03-03T14:30."
        ) from None
    start = start if start.tzinfo else start.replace(tzinfo=UTC)
    if len(moment) > DAY_LENGTH:
        return start, start
    return start, start + timedelta(days=1) - timedelta(microseconds=1)
