"""A home goes in; the alarms that are open at this moment come out, for people who ask."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tasks.config.alarm_settings import load_alarm_settings
from tasks.errors import PixelgateError
from tasks.monitoring.alarm_store import OpenAlarm, open_alarms
from tasks.monitoring.alarms import Cause, find_alarms
from tasks.monitoring.model_status import model_statuses
from tasks.monitoring.run_list import list_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.config.alarm_settings import AlarmSettings
    from tasks.monitoring.model_status import ModelStatus
    from tasks.storage.home import Home


def list_alarms(
    home: Home, settings: AlarmSettings, statuses: Sequence[ModelStatus] | None = None
) -> list[OpenAlarm]:
    """Return the open alarms, looked for now, the most urgent first.

    Args:
        home: of any of its models.
        settings: the limits.
        statuses: of its models, where they are known already.

    Raises:
        DamagedFileError: the database of alarms can't be read.
    """
    known = {(each.alarm.cause, each.alarm.model): each.since for each in open_alarms(home)}
    if statuses is None:
        statuses = model_statuses(home, list_runs(home))
    found = find_alarms(home, statuses, settings, now=datetime.now(UTC))
    return [OpenAlarm(each, known.get((each.cause, each.model))) for each in found]


def alarms_on_screen(home: Home, statuses: Sequence[ModelStatus]) -> tuple[list[OpenAlarm], str]:
    """Return the open alarms by the home's settings, and what is wrong with those, if anything.

    Versions that wait for approval are not among them: the screen lists what waits for a person.

    Args:
        home: of any of its models.
        statuses: of all its models.
    """
    try:
        found = list_alarms(home, load_alarm_settings(home), statuses)
        return [each for each in found if each.alarm.cause is not Cause.WAITING_FOR_APPROVAL], ""
    except PixelgateError as error:
        # A mistake in alarms.toml must not hide the state of the models.
        return [], str(error)
