"""A model's runs go in; those that are old and not needed are removed, with their versions."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tasks.errors import RunInProgressError
from tasks.housekeeping.kept_runs import is_being_written, reasons_to_stay, remember
from tasks.housekeeping.plan_records import RUN, Kept, Plan, Removal
from tasks.registry.version_removal import (
    bytes_of_run,
    delete_moved_artifacts,
    remove_from_store,
)
from tasks.runs.run_lock import run_lock
from tasks.storage.removal import delete_moved, disk_bytes, move_aside
from tasks.validation.verdict import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.config.retention import HousekeepingConfig
    from tasks.registry.mlflow_store import ModelStore
    from tasks.runs.summary import RunSummary

# A retraining that comes due asks for the lock several times in this time.
PAUSE_SECONDS = 0.2


def plan_runs(
    store: ModelStore, summaries: Sequence[RunSummary], settings: HousekeepingConfig
) -> Plan:
    """Return which runs of a model are to go, the oldest first, and why others stay.

    Args:
        store: of the model.
        summaries: of its runs, the newest first.
        settings: how long they are kept.

    Raises:
        DamagedFileError: a ledger is damaged, so that it can't be told what was in production.
    """
    name = store.home.name
    old = {
        summary.run_id: reason
        for position, summary in enumerate(summaries)
        if (reason := _too_old(summary, position, settings)) is not None
    }
    within = len(summaries) - len(old)
    stay = Kept(RUN, counted(within, "run"), "within keep_runs and keep_days", name)
    kept = [stay] if within else []
    if not old:
        return Plan(kept=tuple(kept))
    known = remember(store, summaries)
    reasons = reasons_to_stay(known, set(old))
    if not settings.versions:
        made = {run: f"its version {row.version} stays" for run, row in known.versions.items()}
        reasons = made | reasons
    removals = []
    for summary in reversed(summaries):
        run_id = summary.run_id
        if run_id in old and run_id in reasons:
            kept.append(Kept(RUN, run_id, reasons[run_id], name))
        elif run_id in old:
            size = disk_bytes(summary.directory) + bytes_of_run(store, run_id)
            removals.append(Removal(RUN, run_id, size, old[run_id], summary.directory, name))
    return Plan(tuple(removals), tuple(kept))


def remove_runs(
    store: ModelStore, removals: Sequence[Removal]
) -> tuple[list[Removal], list[Kept], str | None]:
    """Remove runs of a model as planned, each under the model's lock.

    The lock is free between two of them, so that a retraining that comes due is not refused; the
    rest is left to the next time then.

    Returns:
        What was removed; what stays after all; and why the rest was left out, if it was.
    """
    gone: list[Removal] = []
    kept: list[Kept] = []
    for removal in removals:
        try:
            with run_lock(store.home):
                reason = _remove(store, removal)
        except RunInProgressError:
            return gone, kept, f"{store.home.name} is being retrained: its other runs stay for now"
        # Outside of the lock, as it takes long and nobody sees it.
        delete_moved([store.home.runs])
        delete_moved_artifacts(store)
        if reason is None:
            gone.append(removal)
        else:
            kept.append(Kept(RUN, removal.name, reason, store.home.name))
        time.sleep(PAUSE_SECONDS)
    return gone, kept, None


def _remove(store: ModelStore, removal: Removal) -> str | None:
    """Remove one run; return why it stays, if something has changed since the plan."""
    folder = store.home.runs / removal.name
    if is_being_written(folder):
        return "its files were written just now"
    reason = remove_from_store(store, removal.name)
    if reason is None:
        # Last, as the run is found by it again if this process is killed before.
        move_aside(folder)
    return reason


def _too_old(summary: RunSummary, position: int, settings: HousekeepingConfig) -> str | None:
    if position >= settings.keep_runs:
        return f"there are {settings.keep_runs} newer ones"
    started = _started(summary)
    days = (datetime.now(UTC) - started).total_seconds() / 86_400 if started else 0.0
    return f"{days:.0f} days old" if started and days > settings.keep_days else None


def _started(summary: RunSummary) -> datetime | None:
    """Return when a run started; of one that can't be told, when its folder was last changed."""
    if summary.started is not None:
        return summary.started
    try:
        return datetime.fromtimestamp(summary.directory.stat().st_mtime, UTC)
    except OSError:
        return None
