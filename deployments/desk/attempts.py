"""Wrong tokens, counted by the address they come from: guessing gets nobody far."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Request

LIMIT, SECONDS = 10, 60.0


class Attempts:
    """The wrong tokens of the last minute.

    Args:
        clock: seconds; never goes back.
    """

    message = "Too many wrong tokens. Try again in a minute."

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._moments: dict[str, list[float]] = {}
        self._lock = threading.Lock()

    @property
    def headers(self) -> dict[str, str]:
        """What an answer says about when to come back."""
        return {"Retry-After": f"{SECONDS:.0f}"}

    def count(self, address: str) -> None:
        """Remember a wrong token."""
        with self._lock:
            self._forget()
            self._moments.setdefault(address, []).append(self._clock())

    def are_too_many(self, address: str) -> bool:
        """Return whether an address must wait, even with the right token."""
        with self._lock:
            self._forget()
            return len(self._moments.get(address, ())) >= LIMIT

    def _forget(self) -> None:
        since = self._clock() - SECONDS
        recent = {
            address: [moment for moment in moments if moment > since]
            for address, moments in self._moments.items()
        }
        self._moments = {address: moments for address, moments in recent.items() if moments}


def address_of(request: Request) -> str:
    """Return the address that a request comes from."""
    return request.client.host if request.client else "unknown"
