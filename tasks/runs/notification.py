"""A run's summary goes in; the operator's command, webhook or chat service receives it."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import signal
import subprocess
import threading
import urllib.request
from functools import partial
from typing import TYPE_CHECKING

from tasks.runs.apprise_sender import SCHEME, send_message, within, without_secrets

if TYPE_CHECKING:
    from tasks.config.notify import NotifyConfig
    from tasks.runs.summary import RunSummary

# Seconds in which the last words of a command that has ended arrive.
LAST_WORDS = 0.5

log = logging.getLogger("pixelgate.notification")


def notify(summary: RunSummary, settings: NotifyConfig) -> bool:
    """Send the summary to on_outcome, if the settings list this outcome.

    A command reads it as JSON on its standard input, and an http(s) URL gets the JSON posted: both
    are programs. Any other URL names a service of Apprise's, which people read; it gets the message
    as text. A fault of the receiver is logged and doesn't change the run: nothing is raised, and
    `timeout` is the limit of the whole attempt.

    Returns:
        Whether the receiver accepted it.
    """
    target = settings.on_outcome
    if target is None or summary.outcome not in settings.outcomes:
        return False
    try:
        _deliver(target, summary, settings.timeout)
    except Exception as error:  # noqa: BLE001 - whatever receiver or library does, the run has ended
        log.error(  # noqa: TRY400 - the reason is enough; this is no fault of ours
            "on_outcome %s failed: %s", without_secrets(target), error
        )
        return False
    return True


def _deliver(target: str, summary: RunSummary, timeout: float) -> None:
    content = summary.model_dump_json(indent=2).encode()
    if target.startswith(("http://", "https://")):
        within(timeout, partial(_post, target, content, timeout))
    elif SCHEME.match(target):
        _send(target, summary, timeout)
    else:
        _run(target, content, timeout)


def _post(url: str, content: bytes, timeout: float) -> None:
    request = urllib.request.Request(  # noqa: S310 - only http(s) comes here
        url, data=content, headers={"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=timeout):  # noqa: S310 - only http(s) comes here
        pass


def _send(url: str, summary: RunSummary, timeout: float) -> None:
    title = f"{summary.name}: {summary.outcome.headline}"
    send_message(url, title, f"{summary.message}\n\nReport: {summary.report}", timeout=timeout)


def _run(command: str, content: bytes, timeout: float) -> None:
    words = shlex.split(command)
    if not words:
        raise ValueError("the command is blank.")
    reader, writer = os.pipe()
    try:
        # A session of its own, so that its children can be ended with it.
        process = subprocess.Popen(  # noqa: S603 - the operator's own command, without a shell
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=writer,
            start_new_session=True,
        )
    except BaseException:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    message = _LastWords(reader)
    try:
        process.communicate(content, timeout)
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LAST_WORDS)
        if isinstance(error, subprocess.TimeoutExpired):
            raise TimeoutError(f"killed after {timeout:g} s (notify.timeout)") from None
        raise
    if process.returncode:
        raise ValueError(f"exit code {process.returncode}. {message.text()}")


class _LastWords:
    """The end of what a command writes to a pipe, where programs put the reason of a fault.

    Read in a thread, as children that go on may hold the pipe open after the command has ended.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._end = descriptor, b""
        self._thread = threading.Thread(target=self._read, name="last words", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while part := os.read(self._descriptor, 4096):
            self._end = (self._end + part)[-4096:]
        os.close(self._descriptor)

    def text(self) -> str:
        """Return the last 500 characters; a traceback may be long."""
        self._thread.join(LAST_WORDS)
        return self._end.decode(errors="replace").strip()[-500:]
