"""Runs that somebody asked for: written as files, so that none is lost while nothing runs.

The desk and the watch over data folders write them; `pixelgate up` starts the runs.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tasks.errors import PixelgateError
from tasks.storage.atomic import read_json, write_json

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.storage.home import Home


@dataclass(frozen=True)
class RunRequest:
    """A run that was asked for.

    Attributes:
        id: names its file.
        model: to retrain.
        who: asked for it.
        reason: why.
        asked: when, UTC.
        file: where it is kept until the run starts.
    """

    id: str
    model: str
    who: str
    reason: str
    asked: datetime
    file: Path


def request_run(home: Home, *, who: str, reason: str) -> RunRequest:
    """Ask for a run of a model; one that waits already serves this request too.

    Args:
        home: of the model.
        who: asks for it.
        reason: why.
    """
    waiting = next((each for each in waiting_requests(home) if each.model == home.name), None)
    if waiting is not None:
        return waiting
    asked = datetime.now(UTC)
    name = f"{asked:%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"
    content = {"model": home.name, "who": who, "reason": reason, "asked": asked.isoformat()}
    file = write_json(home.requests / f"{name}.json", content)
    return RunRequest(name, home.name, who, reason, asked, file)


def waiting_requests(home: Home) -> list[RunRequest]:
    """Return what waits, of every model of the home, the oldest first."""
    requests = (_read(file) for file in sorted(home.requests.glob("[!.]*.json")))
    return [each for each in requests if each is not None]


def withdraw(request: RunRequest) -> None:
    """Remove a request: its run has started, or nobody wants it any more."""
    request.file.unlink(missing_ok=True)


def _read(file: Path) -> RunRequest | None:
    try:
        content = read_json(file)
        asked = datetime.fromisoformat(content["asked"])
        return RunRequest(
            file.stem, content["model"], content["who"], content["reason"], asked, file
        )
    except (OSError, PixelgateError, KeyError, TypeError, ValueError):
        # Started in the meantime, or no request of ours.
        return None
