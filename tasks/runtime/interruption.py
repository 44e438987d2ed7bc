"""Was it a signal that broke what failed? An exception enters; its signal's number leaves."""

from __future__ import annotations

import signal


class Interrupted(BaseException):
    """SIGINT or SIGTERM arrived; everything that is open is closed on the way out.

    Attributes:
        signal: its number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


def interruption_of(error: BaseException | None) -> int | None:
    """Return the number of the signal that an exception comes from; None if there was none.

    A signal may arrive anywhere in a library, whose clean-up then fails with an error of its own:
    so the exceptions are asked too that this one was raised from, or while handling.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, Interrupted):
            return error.signal
        if isinstance(error, KeyboardInterrupt):
            return signal.SIGINT
        # Prefect's own, while a flow runs; by name, as Prefect takes seconds to import.
        if type(error).__name__ == "TerminationSignal":
            return signal.SIGTERM
        error = error.__cause__ or error.__context__
    return None
