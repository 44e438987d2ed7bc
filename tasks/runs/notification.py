"""A summary goes in; the command or the URL in the settings is told."""

from __future__ import annotations

import logging
import shlex
import subprocess
import urllib.request
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.config.notify import NotifyConfig
    from tasks.runs.summary import RunSummary

log = logging.getLogger("pixelgate.notification")


def notify(summary: RunSummary, settings: NotifyConfig) -> bool:
    """Call on_outcome with the summary as JSON, if it wants this outcome.

    A command reads it on its standard input; a URL gets it posted. A fault of either is logged and
    changes nothing of the run.

    Returns:
        Whether somebody was told.
    """
    if settings.on_outcome is None or summary.outcome not in settings.outcomes:
        return False
    message = summary.model_dump_json(indent=2).encode()
    try:
        if settings.on_outcome.startswith(("http://", "https://")):
            _post(settings.on_outcome, message, settings.timeout)
        else:
            _run(settings.on_outcome, message, settings.timeout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        log.error(  # noqa: TRY400 - the reason is enough; this is no fault of ours
            "on_outcome %s was not told: %s", settings.on_outcome, error
        )
        return False
    return True


def _post(url: str, message: bytes, timeout: float) -> None:
    request = urllib.request.Request(  # noqa: S310 - only http(s) comes here
        url, data=message, headers={"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=timeout):  # noqa: S310 - only http(s) comes here
        pass


def _run(command: str, message: bytes, timeout: float) -> None:
    ended = subprocess.run(  # noqa: S603 - the operator's own command, split without a shell
        shlex.split(command), input=message, capture_output=True, timeout=timeout, check=False
    )
    if ended.returncode:
        told = ended.stderr.decode(errors="replace").strip()[-500:]
        raise ValueError(f"it ended with exit code {ended.returncode}. {told}")
