"""Which process works on a run: written when it starts, so that its death can be told at once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from tasks.errors import PixelgateError
from tasks.runtime.process_identity import identity_of, is_alive
from tasks.storage.atomic import read_json, write_json

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.runs.run_folder import Run

PROCESS = "process.json"


def record_process(run: Run, *, flow_run: str | None = None) -> None:
    """Write into a run's folder that this process works on it.

    Args:
        run: just opened.
        flow_run: id of the flow run in Prefect, if a deployment's.
    """
    content = {"process": identity_of(os.getpid()), "flow_run": flow_run}
    write_json(run.directory / PROCESS, content)


def note_interruption(folder: Path) -> None:
    """Write into a run's folder that it was ended on purpose, before it could say so itself."""
    write_json(folder / PROCESS, {**_read(folder), "interrupted": True})


def was_interrupted(folder: Path) -> bool:
    """Return whether `note_interruption` was called for a run."""
    return bool(_read(folder).get("interrupted"))


def is_worked_on(folder: Path) -> bool | None:
    """Return whether the process of a run lives; None if that can't be told from here."""
    process = _read(folder).get("process")
    return is_alive(process) if process else None


def flow_run_of(folder: Path) -> str | None:
    """Return the id of a run's flow run in Prefect; None if it is of no deployment."""
    flow_run: str | None = _read(folder).get("flow_run")
    return flow_run


def _read(folder: Path) -> dict[str, Any]:
    try:
        content = read_json(folder / PROCESS)
    except (OSError, PixelgateError):
        return {}
    return content if isinstance(content, dict) else {}
