"""The models of a home go in, again and again; alarms go out to whoever receives them."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tasks.config.alarm_settings import load_alarm_settings
from tasks.errors import SettingsError
from tasks.monitoring.alarms import find_alarms
from tasks.monitoring.model_status import model_statuses
from tasks.monitoring.outbox import Outbox

if TYPE_CHECKING:
    from tasks.config.alarm_settings import AlarmSettings
    from tasks.monitoring.run_index import RunIndex
    from tasks.storage.home import Home

log = logging.getLogger("pixelgate")


class AlarmWatch:
    """Observes what there is to tell, and tells it in a thread of its own.

    A mail server that doesn't answer must not keep runs from starting.

    Args:
        home: of any of its models.
        index: of its runs.
    """

    def __init__(self, home: Home, index: RunIndex) -> None:
        self._home, self._index = home, index
        self._outbox = Outbox(home)
        self._delivery: threading.Thread | None = None

    def look(self) -> None:
        """Note what is the case now, and send what is due."""
        try:
            settings = load_alarm_settings(self._home)
        except SettingsError as error:
            log.error("%s", error)  # noqa: TRY400 - a user's mistake, named by the message
            return
        now = datetime.now(UTC)
        statuses = model_statuses(self._home, self._index.summaries())
        self._outbox.observe(find_alarms(self._home, statuses, settings, now=now), now)
        if self._delivery is None or not self._delivery.is_alive():
            self._delivery = threading.Thread(
                target=self._deliver, args=[settings], name="alarms", daemon=True
            )
            self._delivery.start()

    def _deliver(self, settings: AlarmSettings) -> None:
        try:
            self._outbox.deliver(settings, datetime.now(UTC))
        except Exception:
            # Tried again in a few seconds; what was not sent is still in the outbox.
            log.exception("alarms could not be delivered")
