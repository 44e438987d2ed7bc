"""Processes that take seconds to start, and are started here before they are needed."""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = TypeVar("P")


class Spare(Generic[P]):
    """A process of one kind that is started before it is needed, one at most.

    It is ended when this process exits; one that is killed can't do so, and its child must notice.
    Not for several threads at once.
    """

    def __init__(
        self,
        start: Callable[[], P],
        *,
        has_ended: Callable[[P], bool],
        end: Callable[[P], None],
    ) -> None:
        """Take what starts such a process, tells whether it has ended, and ends it."""
        self._start, self._has_ended, self._end = start, has_ended, end
        self._waiting: list[P] = []
        atexit.register(self.end)

    def start(self) -> None:
        """Start one, unless one waits already.

        Raises:
            OSError: there is no room for another process, or for its files.
        """
        if not self._waiting:
            self._waiting.append(self._start())

    def take(self) -> P:
        """Return the one that waits, or a new one; the caller ends it.

        Raises:
            OSError: as `start`.
        """
        # It may have died while nobody looked, perhaps as memory was short.
        if self._waiting and self._has_ended(self._waiting[0]):
            self.end()
        return self._waiting.pop() if self._waiting else self._start()

    def end(self) -> None:
        """End the one that waits for a use which doesn't come."""
        while self._waiting:
            self._end(self._waiting.pop())
