"""An Apprise URL and a message go in; the service has accepted it, or an error says why not.

The URL holds a token or a password. No line of a log and no error shows it, whatever Apprise itself
would print.
"""

from __future__ import annotations

import logging
import re
import threading
import urllib.parse
from functools import partial
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

# How an Apprise URL begins, such as slack:// or mailto://; a command doesn't.
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# Shorter parts of a URL, such as a port, are no secrets, and words would be torn apart.
SECRET_LENGTH = 4
# The loggers of Apprise, and of those that post for it, which would show the URL.
TALKERS = ("apprise", "requests", "urllib3", "urllib3.connectionpool", "urllib3.util.retry")

Kind = Literal["info", "success", "warning", "failure"]


def send_message(url: str, title: str, body: str, *, timeout: float, kind: Kind = "info") -> None:
    """Send a text to a service of Apprise's.

    Args:
        url: names the service.
        title: the first line.
        body: the rest.
        timeout: seconds of the whole attempt.
        kind: how the service colours it.

    Raises:
        ValueError: Apprise knows no such service, or the service did not accept the message.
        TimeoutError: it took too long.
    """
    within(timeout, partial(_send, url, title, body, timeout, kind))


def within(seconds: float, attempt: Callable[[], None]) -> None:
    """Call a function that may take longer, and leave it alone then.

    A timeout of a socket is for each read, so a server that sends a byte now and then would never
    reach it; a look-up of a name has none at all.

    Raises:
        TimeoutError: it took longer.
    """
    faults: list[Exception] = []

    def guarded() -> None:
        try:
            attempt()
        except Exception as error:  # noqa: BLE001 - raised below, in the caller's thread
            faults.append(error)

    # A daemon: the process must not wait for it at its end.
    thread = threading.Thread(target=guarded, name="notification", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"no answer within {seconds:g} s")
    if faults:
        raise faults[0]


def without_secrets(target: str) -> str:
    """Return the scheme of an Apprise URL, which holds a token or password; others as they are."""
    scheme = SCHEME.match(target)
    if scheme is None or target.startswith(("http://", "https://")):
        return target
    return f"{scheme[0]}..."


def _send(url: str, title: str, body: str, timeout: float, kind: Kind) -> None:
    from apprise import Apprise, NotifyType

    words = _WORDS.begin()
    service = Apprise.instantiate(url)
    if service is None:
        raise ValueError("Apprise knows no such service, or the URL lacks a part.")
    service.socket_connect_timeout = service.socket_read_timeout = timeout
    try:
        accepted = service.notify(title=title, body=body, notify_type=NotifyType(kind))
    except Exception as error:  # noqa: BLE001 - a library's message may hold the URL
        words.append(f"{type(error).__name__}: {error}")
        accepted = False
    if not accepted:
        reason = _redacted(" ".join(words), url) or "Apprise gives no reason."
        raise ValueError(f"the service did not accept the message. {reason}")


def _redacted(text: str, url: str) -> str:
    """Return a text without any part of a URL behind its host, and without its user."""
    authority, _, rest = SCHEME.sub("", url).partition("/")
    user, at, host = authority.rpartition("@")
    # Many services have a token where others have a host.
    parts = re.split(r"[/?&=:@#,]", f"{user}{at}/{rest}") + ([] if "." in host else [host])
    known = {each for part in parts for each in (part, urllib.parse.unquote(part))}
    for part in sorted(known, key=len, reverse=True):
        if len(part) >= SECRET_LENGTH:
            text = text.replace(part, "...")
    return text


class _Words(logging.Filter):
    """Keeps what Apprise says in the threads that send, and out of every log."""

    def __init__(self) -> None:
        super().__init__()
        self._local = threading.local()

    def begin(self) -> list[str]:
        """Return the list that this thread's warnings will be added to."""
        for name in TALKERS:
            # Adding it again changes nothing.
            logging.getLogger(name).addFilter(self)
        self._local.words = []
        words: list[str] = self._local.words
        return words

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep a record of a sending thread; let those of others pass."""
        words = getattr(self._local, "words", None)
        if words is None:
            return True
        if record.levelno >= logging.WARNING:
            words.append(record.getMessage())
        return False


_WORDS = _Words()
