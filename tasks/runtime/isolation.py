"""Runs calls in a process of their own, and finds the file that ends the process.

A decoder that crashes, or the kernel when memory is short, ends a worker process without a Python
exception; a pool of processes then fails as a whole and can't say at which file.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from tasks.errors import PixelgateError
from tasks.runtime import reader_process

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

Result = TypeVar("Result")
# So many files are not each damaged: the machine or its libraries are.
MAX_LOST = 20


class Isolation(Generic[Result]):
    """Runs a function on chunks of files, one call at a time, in a process that may die.

    A context manager: at its end the process is kept for the next one.

    Args:
        function: called with the arguments of a call; the second one is the chunk of files.
        lost: returns the result for a file that ends the process, given the file and the signal.
    """

    def __init__(self, function: Callable[..., Result], lost: Callable[[Any, str], Result]) -> None:
        self._function, self._lost = function, lost
        self._executor: Any = None
        self._fresh = False
        self._count = 0

    def __enter__(self) -> Self:
        """Return itself; the process starts with the first call."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the process to the next one; end it after an error, as it may be busy."""
        if error is None and self._executor is not None:
            reader_process.keep(self._executor)
            self._executor = None
        self._end_process()

    def run(self, call: Sequence[Any]) -> tuple[list[Result], bool]:
        """Run a call; if the process dies, run its halves, down to the file that is the reason.

        Returns:
            The results of all parts in the order of the files, and whether the process died.

        Raises:
            PixelgateError: too many files ended their process.
        """
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        first, files, *others = call
        try:
            return [self._submit(call)], False
        except TerminatedWorkerError as error:
            self._end_process()
            reason = _signal_in(error)
        if len(files) == 1:
            if not self._fresh:
                # The files that the process read before may have damaged it.
                return self.run(call)[0], True
            return [self._lose(files[0], reason)], True
        middle = len(files) // 2
        halves = [self.run((first, half, *others)) for half in (files[:middle], files[middle:])]
        return [result for results, _ in halves for result in results], True

    def _submit(self, call: Sequence[Any]) -> Result:
        self._fresh = False
        if self._executor is None:
            self._executor, self._fresh = reader_process.take()
        with reader_process.environment():
            submitted = self._executor.submit(
                reader_process.call, self._function, os.getpid(), tuple(call)
            )
        result: Result = submitted.result()
        return result

    def _lose(self, file: Any, signal: str) -> Result:
        self._count += 1
        if self._count > MAX_LOST:
            raise PixelgateError(
                f"More than {MAX_LOST} files ended the process that read them, the last one by"
                f" {signal}. Check the machine's memory, and that Pillow is installed as a whole."
            )
        return self._lost(file, signal)

    def _end_process(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, kill_workers=True)
            self._executor = None


def _signal_in(error: Exception) -> str:
    """Return the name of the signal, which joblib writes into its message, or the exit code."""
    found = re.search(r"(SIG[A-Z]+|EXIT)\((-?\d+)\)", str(error))
    if found is None:
        return "for an unknown reason"
    name, code = found.groups()
    return name if name != "EXIT" else f"exit code {code}"
