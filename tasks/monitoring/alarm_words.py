"""An alarm and how it stands go in; the message that its receivers get comes out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tasks.monitoring.alarms import Alarm, Severity
from tasks.monitoring.receivers import Message

if TYPE_CHECKING:
    from tasks.config.alarm_settings import AlarmSettings
    from tasks.runs.apprise_sender import Kind

KINDS: dict[Severity, Kind] = {
    Severity.CRITICAL: "failure",
    Severity.WARNING: "warning",
    Severity.INFO: "info",
}


def say_opened(alarm: Alarm, opened: float, settings: AlarmSettings) -> Message:
    """Return the message of an alarm that has come."""
    return Message(
        f"[{alarm.severity}] {_about(alarm)}",
        f"{alarm.sentence}\n{alarm.action}\n{settings.desk_url}{alarm.page}\n"
        f"Since {_at(opened, settings)}.",
        KINDS[alarm.severity],
    )


def say_recovered(alarm: Alarm, gone: float, settings: AlarmSettings) -> Message:
    """Return the message of an alarm that has gone."""
    return Message(
        f"[over] {_about(alarm)}",
        f"Over since {_at(gone, settings)}: {alarm.sentence}\n{settings.desk_url}{alarm.page}",
        "success",
    )


def say_both(alarm: Alarm, opened: float, gone: float, settings: AlarmSettings) -> Message:
    """Return the single line of an alarm that came and went before it could be sent."""
    return Message(
        f"[over] {_about(alarm)}",
        f"From {_at(opened, settings)} to {_at(gone, settings)}: {alarm.sentence}",
        "success",
    )


def _about(alarm: Alarm) -> str:
    return f"{alarm.model or 'Pixelgate'}: {alarm.cause.replace('_', ' ')}"


def _at(moment: float, settings: AlarmSettings) -> str:
    return f"{datetime.fromtimestamp(moment, UTC).astimezone(settings.zone):%Y-%m-%d %H:%M %Z}"
