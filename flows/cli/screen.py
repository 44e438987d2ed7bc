"""Our messages go to the screen, the libraries' output to a log file; faults become messages."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING, TextIO

from tasks.errors import INTERRUPTED, PixelgateError
from tasks.runtime import progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tasks.storage.home import Home

LOG_BYTES = 10 * 2**20


class Interrupted(BaseException):
    """SIGINT or SIGTERM arrived; everything that is open is closed on the way out.

    Attributes:
        signal: its number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


def say(text: str = "") -> None:
    """Print a message for a person: on stderr as it was before `quiet` redirected it."""
    print(text, file=progress.screen(), flush=True)


@contextlib.contextmanager
def errors_as_messages() -> Iterator[None]:
    """End the process with a message and an exit code instead of a traceback."""
    before = signal.signal(signal.SIGTERM, _raise_interrupted)
    try:
        yield
    except PixelgateError as error:
        say(f"Error: {error}")
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output, such as `head`, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)
    except BaseException as error:
        number = _signal_of(error)
        if number is None:
            raise
        say(INTERRUPTED)
        sys.exit(128 + number)
    finally:
        signal.signal(signal.SIGTERM, before)


def _signal_of(error: BaseException) -> int | None:
    """Return the signal an exception stands for; None for any other."""
    if isinstance(error, Interrupted):
        return error.signal
    # Prefect's own for SIGTERM, while a flow runs; by name, as Prefect takes seconds to import.
    return signal.SIGTERM if type(error).__name__ == "TerminationSignal" else None


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
    leaves its traceback in the file and one line on the screen.

    Raises:
        PixelgateError: the log file can't be written.
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
        say(f"Error: {type(error).__name__}: {error}\nThe traceback is in {file}")
        # After the message, which must not depend on a full disk.
        with contextlib.suppress(OSError):
            os.write(2, traceback.format_exc().encode())
        raise SystemExit(1) from None
    finally:
        for handler in handlers:
            logging.getLogger("pixelgate").removeHandler(handler)
        with contextlib.suppress(OSError):
            sys.stdout.flush()
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
        raise PixelgateError(
            f"Can't write to the home folder {home.root}: {error.strerror}. Set --home or"
            " PIXELGATE_HOME to a folder of yours."
        ) from None
    return file


class _OneLine(logging.Formatter):
    """Leaves out tracebacks, which are for the log file."""

    def formatException(self, _error: object) -> str:  # noqa: N802 - logging's name
        """Return nothing."""
        return ""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        record.exc_text = None
        return super().format(record).rstrip("\n")


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
