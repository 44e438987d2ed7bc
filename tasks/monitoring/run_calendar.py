"""An installed model goes in; when its next run is due, and whether one is late, comes out.

It asks no Prefect: a run that is late because Prefect is down must be noticed too.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cronsim import CronSim

if TYPE_CHECKING:
    from tasks.config.installed_models import InstalledModel

# A run may wait for another one, and Prefect looks for work every few seconds.
GRACE = timedelta(minutes=10)


def next_due(model: InstalledModel, after: datetime) -> datetime | None:
    """Return when a run is due after a moment; None for a model that only watches its folder.

    Args:
        model: its cron expression is read in its time zone, across changes of the clock.
        after: with a time zone.
    """
    if model.interval is not None:
        return after + model.interval
    if model.cron is None:
        return None
    zone = ZoneInfo(model.timezone or "UTC")
    return next(iter(CronSim(model.cron, after.astimezone(zone))))


def overdue_since(
    model: InstalledModel, last_start: datetime, now: datetime, *, grace: timedelta = GRACE
) -> datetime | None:
    """Return when a run should have started that has not; None if none is late.

    Args:
        model: with its schedule.
        last_start: of its last run, or when it was installed.
        now: with a time zone.
        grace: a run is late only after this time; for frequent runs, after three of them.
    """
    due = next_due(model, last_start)
    if due is None:
        return None
    following = next_due(model, due)
    # What runs every minute is late after three minutes.
    patience = grace if following is None else min(grace, 3 * (following - due))
    return due if now > due + max(patience, timedelta(seconds=30)) else None
