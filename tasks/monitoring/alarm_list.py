"""A home goes in; the alarms that are open at this moment come out, for people who ask."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tasks.monitoring.alarm_store import OpenAlarm, open_alarms
from tasks.monitoring.alarms import Cause, find_alarms
from tasks.monitoring.model_status import model_statuses
from tasks.monitoring.run_list import list_runs

if TYPE_CHECKING:
    from tasks.config.alarm_settings import AlarmSettings
    from tasks.storage.home import Home


def list_alarms(home: Home, settings: AlarmSettings) -> list[OpenAlarm]:
    """Return the open alarms, looked for now, the most urgent first.

    Which models are late is known from the last time that `pixelgate up` looked.

    Args:
        home: of any of its models.
        settings: the limits.

    Raises:
        DamagedFileError: the database of alarms can't be read.
    """
    recorded = {(each.alarm.cause, each.alarm.model): each for each in open_alarms(home)}
    found = find_alarms(
        home,
        model_statuses(home, list_runs(home)),
        settings,
        now=datetime.now(UTC),
        late={
            model: each.alarm.sentence
            for (cause, model), each in recorded.items()
            if cause is Cause.LATE
        },
    )
    known = {key: each.since for key, each in recorded.items()}
    return [OpenAlarm(each, known.get((each.cause, each.model))) for each in found]
