"""What takes seconds to start waits here for its use, and is ended if there is none."""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Process = TypeVar("Process")


class Spare(Generic[Process]):
    """A process of one kind that is started before it is needed, one at most.

    It ends with this process at the latest.
    """

    def __init__(
        self,
        start: Callable[[], Process],
        *,
        has_ended: Callable[[Process], bool],
        end: Callable[[Process], None],
    ) -> None:
        """Take what starts such a process, tells whether it has ended, and ends it."""
        self._start, self._has_ended, self._end = start, has_ended, end
        self._waiting: list[Process] = []

    def start(self) -> None:
        """Start one, unless one waits already.

        Raises:
            OSError: there is no room for another process, or for its files.
        """
        if not self._waiting:
            atexit.register(self.end)
            self._waiting.append(self._start())

    def take(self) -> Process:
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
        atexit.unregister(self.end)
        while self._waiting:
            self._end(self._waiting.pop())
