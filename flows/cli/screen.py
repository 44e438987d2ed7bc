"""Our messages go to the screen, the libraries' output to a log file; faults become messages."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING, TextIO

from tasks.errors import INTERRUPTED, PixelgateError
from tasks.runtime import progress
from tasks.runtime.interruption import Interrupted, interruption_of
from tasks.storage.writable_home import unwritable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tasks.storage.home import Home

LOG_BYTES = 10 * 2**20
# With less room on its disk, the log file is not written to any more.
LEAST_ROOM = 64 * 2**10


def say(text: str = "") -> None:
    """Print a message for a person: on stderr as it was before `quiet` redirected it."""
    # stderr may be a file on a full disk, which must not change how the command ends.
    with contextlib.suppress(OSError):
        print(text, file=progress.screen(), flush=True)


@contextlib.contextmanager
def errors_as_messages() -> Iterator[None]:
    """End the process with a message and an exit code instead of a traceback."""
    before = signal.signal(signal.SIGTERM, _raise_interrupted)
    try:
        try:
            yield
        finally:
            # Now, while there are words for a full disk, and not when the interpreter ends.
            sys.stdout.flush()
    except PixelgateError as error:
        _exit_if_interrupted(error)
        say(f"Error: {error}")
        sys.exit(error.exit_code)
    except BrokenPipeError as error:
        # The reader of our output, such as `head`, has seen enough.
        _discard(sys.stdout)
        sys.exit(_code_before(error) or 0)
    except OSError as error:
        _exit_if_interrupted(error)
        _discard(sys.stdout)
        say(f"Error: {_describe(error)}")
        sys.exit(_code_before(error) or 1)
    except BaseException as error:
        # An end that was decided on is no interruption, whatever came before it.
        if not isinstance(error, SystemExit):
            _exit_if_interrupted(error)
        _say_unforeseen(error)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _code_before(error: OSError) -> int | str | None:
    """Return the exit code the command had when its output could not be written."""
    before = error.__context__
    return before.code if isinstance(before, SystemExit) else None


def _say_unforeseen(error: BaseException) -> None:
    """Name a fault whose traceback the user doesn't see, as stderr has become the log file."""
    if isinstance(error, Exception) and progress.screen() is not sys.stderr:
        say(f"Error: {_describe(error)}\nThe traceback is in the log file under home.")


def _exit_if_interrupted(error: BaseException) -> None:
    """End with the exit code of a signal, if it was one that broke what failed."""
    number = interruption_of(error)
    if number is not None:
        say(INTERRUPTED)
        sys.exit(128 + number)


def _raise_interrupted(_signal: int, _frame: object) -> None:
    # Once is enough: a second one must not break the clean-up after the first.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Interrupted(signal.SIGTERM)


@contextlib.contextmanager
def quiet(home: Home) -> Iterator[None]:
    """Send whatever the libraries print to a log file under `home`; our own log lines are shown.

    File descriptors 1 and 2 are redirected, not `sys.stdout`, since TensorFlow, Prefect's server
    and worker processes write to those directly. stdout is restored at the end, for results; stderr
    is not, because the libraries still print there when the process exits. An unexpected fault
    leaves its traceback in the file and one line on the screen, which doesn't depend on the file.

    Raises:
        UsageError: the log file can't be written.
        PixelgateError: its disk is full.
    """
    file = _open_log(home)
    # A log line that can't be written is no reason to print a traceback of logging's own.
    logging.raiseExceptions = False
    sys.stdout.flush()
    sys.stderr.flush()
    stdout = os.dup(1)
    # The first call of a process decides: afterwards descriptor 2 is the log file.
    if progress.screen() is sys.stderr:
        progress.use_screen(os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace"))
    with file.open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    handlers = _show_log(progress.screen())
    try:
        yield
    except KeyboardInterrupt:
        # Typer would print "Aborted!" in its stead.
        raise Interrupted(signal.SIGINT) from None
    except (PixelgateError, SystemExit):
        raise
    except Exception as error:  # noqa: BLE001 - the last resort, which says where the traceback is
        number = interruption_of(error)
        if number is not None:
            raise Interrupted(number) from None
        say(f"Error: {_describe(error)}\n{_remedy(error, home, file)}")
        # After the message, which must not depend on a full disk.
        with contextlib.suppress(OSError):
            os.write(2, traceback.format_exc().encode())
        raise SystemExit(1) from None
    finally:
        for handler in handlers:
            logging.getLogger("pixelgate").removeHandler(handler)
        _flush(sys.stdout)
        _flush(sys.stderr)
        os.dup2(stdout, 1)
        os.close(stdout)


def _open_log(home: Home) -> Path:
    """Return the log file; a large one is renamed, and replaces the one renamed before."""
    file = home.log_file
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() and file.stat().st_size > LOG_BYTES:
            file.replace(file.with_suffix(".previous.log"))
        file.touch()
    except OSError as error:
        raise unwritable(home, error) from None
    return file


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _remedy(error: Exception, home: Home, file: Path) -> str:
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"Free space on the disk of {home.root}, and run the same command again."
    return f"The traceback is in {file}"


def _flush(stream: TextIO) -> None:
    """Flush a stream to the log file, or to nowhere if its disk is full."""
    try:
        stream.flush()
    except OSError:
        _discard(stream)
    # The interpreter flushes stderr at its end, and changes the exit code if it can't.
    disk = os.fstatvfs(stream.fileno())
    if stream is sys.stderr and disk.f_blocks and disk.f_bavail * disk.f_frsize < LEAST_ROOM:
        _discard(stream)


def _discard(stream: TextIO) -> None:
    """Send what a stream still holds, and all that follows, to nowhere."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
    stream.flush()


class _OneLine(logging.Formatter):
    """Leaves out tracebacks, which are for the log file."""

    def formatException(self, _error: object) -> str:  # noqa: N802 - logging's name
        """Return nothing."""
        return ""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with the kind and the message of its error."""
        record.exc_text = None
        line = super().format(record).rstrip("\n")
        error = record.exc_info[1] if record.exc_info else None
        return f"{line}: {_describe(error)}" if error is not None else line


def _show_log(screen: TextIO) -> list[logging.Handler]:
    """Show our log lines on the screen; the log file has them with their tracebacks."""
    layout = ("%(asctime)s  %(message)s", "%H:%M:%S")
    shown, kept = logging.StreamHandler(screen), logging.StreamHandler(sys.stderr)
    # The log file's first, as the screen's discards the traceback.
    kept.setFormatter(logging.Formatter(*layout))
    shown.setFormatter(_OneLine(*layout))
    log = logging.getLogger("pixelgate")
    log.setLevel(logging.INFO)
    for handler in (kept, shown):
        log.addHandler(handler)
    return [kept, shown]
