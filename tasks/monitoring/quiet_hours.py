"""The settings of alarms and a moment go in; whether it lies in the quiet hours comes out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, time

    from tasks.config.alarm_settings import AlarmSettings


def quiet_until(settings: AlarmSettings, now: datetime) -> datetime | None:
    """Return when the present quiet hours end, UTC; None outside of them.

    Each night is one span between two moments. A clock that is set forward or back within it, or
    that shows its end twice, changes the length of the night and doesn't interrupt it.

    Args:
        settings: the quiet hours and their time zone.
        now: with its time zone.
    """
    times = settings.quiet_times
    if times is None:
        return None
    begin, end = times
    today = now.astimezone(settings.zone).date()
    for day in (today - timedelta(days=1), today):
        last = day if begin < end else day + timedelta(days=1)
        first, until = _moment(day, begin, settings)[0], max(_moment(last, end, settings))
        if first <= now < until:
            return until
    return None


def _moment(day: date, at: time, settings: AlarmSettings) -> tuple[datetime, datetime]:
    """Return the moments, UTC, at which clocks show a time: two where they are set back."""
    local = datetime.combine(day, at, settings.zone)
    # UTC, as Python compares two moments of one zone by what its clocks show.
    return local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
