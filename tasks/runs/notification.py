"""A run's summary goes in; the operator's command, webhook or chat service receives it."""

from __future__ import annotations

import logging
import re
import shlex
import subprocess
import urllib.request
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.config.notify import NotifyConfig
    from tasks.runs.summary import RunSummary

# How an Apprise URL begins, such as slack:// or mailto://; a command doesn't.
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")

log = logging.getLogger("pixelgate.notification")


def notify(summary: RunSummary, settings: NotifyConfig) -> bool:
    """Send the summary to on_outcome, if the settings list this outcome.

    A command reads it as JSON on its standard input, and an http(s) URL gets the JSON posted: both
    are programs. Any other URL names a service of Apprise's, which people read; it gets the message
    as text. A fault of the receiver is logged and doesn't change the run.

    Returns:
        Whether the receiver accepted it.
    """
    target = settings.on_outcome
    if target is None or summary.outcome not in settings.outcomes:
        return False
    content = summary.model_dump_json(indent=2).encode()
    try:
        if target.startswith(("http://", "https://")):
            _post(target, content, settings.timeout)
        elif SCHEME.match(target):
            _send(target, summary, settings.timeout)
        else:
            _run(target, content, settings.timeout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        log.error(  # noqa: TRY400 - the reason is enough; this is no fault of ours
            "on_outcome %s failed: %s", _without_secrets(target), error
        )
        return False
    return True


def _post(url: str, content: bytes, timeout: float) -> None:
    request = urllib.request.Request(  # noqa: S310 - only http(s) comes here
        url, data=content, headers={"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=timeout):  # noqa: S310 - only http(s) comes here
        pass


def _send(url: str, summary: RunSummary, timeout: float) -> None:
    from apprise import Apprise

    service = Apprise.instantiate(url)
    if service is None:
        raise ValueError("Apprise knows no such service, or the URL lacks a part.")
    service.socket_connect_timeout = service.socket_read_timeout = timeout
    title = f"{summary.name}: {summary.outcome.headline}"
    if not service.notify(title=title, body=f"{summary.message}\n\nReport: {summary.report}"):
        raise ValueError("the service did not accept the message; Apprise logs the reason.")


def _run(command: str, content: bytes, timeout: float) -> None:
    ended = subprocess.run(  # noqa: S603 - the operator's own command, split without a shell
        shlex.split(command), input=content, capture_output=True, timeout=timeout, check=False
    )
    if ended.returncode:
        # The end, where programs put the reason; a traceback may be long.
        message = ended.stderr.decode(errors="replace").strip()[-500:]
        raise ValueError(f"exit code {ended.returncode}. {message}")


def _without_secrets(target: str) -> str:
    """Return the scheme of an Apprise URL, which holds a token or password; others as they are."""
    scheme = SCHEME.match(target)
    if scheme is None or target.startswith(("http://", "https://")):
        return target
    return f"{scheme[0]}..."
