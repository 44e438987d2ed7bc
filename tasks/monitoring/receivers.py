"""Apprise URLs and messages go in; who accepted them, and why the others did not, comes out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.runs.apprise_sender import Kind, send_message

if TYPE_CHECKING:
    from tasks.config.alarm_settings import AlarmSettings

# Of one attempt: others wait for its end.
TIMEOUT = 15.0


@dataclass(frozen=True)
class Message:
    """What a receiver is sent.

    Attributes:
        title: the first line.
        body: the rest.
        kind: how the service colours it.
    """

    title: str
    body: str
    kind: Kind


@dataclass(frozen=True)
class Receiver:
    """Somebody who is told of alarms.

    Attributes:
        number: in the settings, from 1.
        url: Apprise's; it may hold a password.
    """

    number: int
    url: str

    @property
    def key(self) -> str:
        """Names it in the database, which must not hold its password."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:16]

    @property
    def label(self) -> str:
        """Names it for people, without its password."""
        return f"{self.number} ({self.url.partition('://')[0]}://...)"

    def send(self, message: Message) -> str:
        """Send a message; return why it was not accepted, or nothing if it was."""
        try:
            send_message(self.url, message.title, message.body, timeout=TIMEOUT, kind=message.kind)
        except Exception as error:  # noqa: BLE001 - whatever a service does, others are told
            return str(error) or type(error).__name__
        return ""


def receivers_of(settings: AlarmSettings) -> list[Receiver]:
    """Return those who are told of alarms."""
    return [Receiver(number, url) for number, url in enumerate(settings.receivers, start=1)]


def try_receivers(settings: AlarmSettings) -> list[tuple[Receiver, str]]:
    """Send each receiver a test message; return each with why it did not accept it, or nothing."""
    message = Message(
        "Pixelgate: a test",
        f"Alarms reach you here. Nothing is wrong.\n{settings.desk_url}/",
        "info",
    )
    return [(each, each.send(message)) for each in receivers_of(settings)]
