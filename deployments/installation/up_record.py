"""Which processes an installation consists of, so that `down` and the next `up` can end them."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

from tasks.errors import PixelgateError
from tasks.runtime.process_identity import group_members, identity_of, is_alive
from tasks.runtime.supervisor import end_group
from tasks.storage.atomic import read_json, write_json

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.storage.home import Home

STOP_SECONDS = 120.0


def record_file(home: Home) -> Path:
    """Return the file of the record."""
    return home.services / "up.json"


def write_record(home: Home, **facts: Any) -> None:
    """Add facts to the record, such as the address of a service."""
    write_json(record_file(home), read_record(home) | facts)


def read_record(home: Home) -> dict[str, Any]:
    """Return the record; empty if there is none."""
    try:
        content = read_json(record_file(home))
    except (OSError, PixelgateError):
        return {}
    return content if isinstance(content, dict) else {}


def begin_record(home: Home) -> None:
    """Start a record of this process, after an end to all that an earlier one left."""
    end_leftovers(home)
    write_json(record_file(home), {"process": identity_of(os.getpid()), "groups": []})


def note_group(home: Home, group: int) -> None:
    """Add a process group of a service."""
    groups = [each for each in read_record(home).get("groups", []) if group_members(each[0])]
    write_record(home, groups=[*groups, [group, identity_of(group)]])


def is_up(home: Home) -> bool:
    """Return whether `pixelgate up` is running for this home."""
    process = read_record(home).get("process")
    return bool(process and is_alive(process))


def end_leftovers(home: Home) -> int:
    """End the services of an `up` that was killed; return how many there were."""
    if is_up(home):
        return 0
    ended = 0
    for group, identity in read_record(home).get("groups", []):
        # Its leash may be gone, and the number another's: then the group has nobody of ours.
        if group_members(group) and (is_alive(identity or "") or not identity_of(group)):
            end_group(group)
            ended += 1
    return ended


def stop_up(home: Home) -> bool:
    """Stop the `up` of a home and wait for its end; return whether there was one.

    Raises:
        PixelgateError: it did not end.
    """
    process = read_record(home).get("process")
    if not process or not is_alive(process):
        return end_leftovers(home) > 0
    os.kill(int(process.split(":")[2]), signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while is_alive(process):
        if time.monotonic() > deadline:
            raise PixelgateError(
                f"`pixelgate up` did not end within {STOP_SECONDS:g} s. Look at the logs in"
                f" {home.services}."
            )
        time.sleep(0.2)
    return True
