"""The ledger: every decision about a model's versions, appended to one file and chained by hashes.

A line is an entry as JSON. Each holds the SHA-256 of the one before it and its own, so that no
entry can be changed, removed or put in between without breaking the chain; that none was cut off at
the end shows the registry, which knows the last entry's number and hash. Writers hold the lock of
the file.
"""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tasks.errors import DamagedFileError
from tasks.storage.atomic import sync
from tasks.storage.hashing import digest

if TYPE_CHECKING:
    from pathlib import Path

FIRST = "0" * 64
REMEDY = (
    "Put it back with `pixelgate restore ARCHIVE`; or move it away to begin a new one, which knows"
    " of nothing before."
)

log = logging.getLogger("pixelgate")


class Step(StrEnum):
    """What an entry says has happened."""

    BEGUN = "begun"
    DONE = "done"
    UNDONE = "undone"
    FOUND = "found"
    DECIDED = "decided"


class Entry(BaseModel):
    """One line of the ledger."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(description="From 1, without gaps.")
    at: str = Field(description="UTC, ISO 8601 with microseconds.")
    step: Step = Field(
        description="begun and then done or undone, of a change of champion; found, of one that was"
        " made elsewhere; decided, where the champion stays."
    )
    action: str = Field(
        description="promote, rollback, the outcome of a run, or what a person did at the desk."
    )
    version: str | None = Field(
        description="The version it is about; null if none is in production, or it is about none."
    )
    before: str | None = Field(description="The champion before it.")
    who: str = Field(description="A run or a person.")
    why: str = Field(description="The decision in one line, or the person's reason.")
    evidence: dict[str, Any] = Field({}, description="What it rests on.")
    previous: str = Field(description="SHA-256 of the entry before it.")
    sha256: str = Field(description="SHA-256 of this entry without this field.")


def now() -> str:
    """Return the time as entries have it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def read_ledger(file: Path) -> list[Entry]:
    """Return all entries of a ledger, verified; none if there is no file.

    Raises:
        DamagedFileError: an entry was changed, removed or put in between, with its line.
    """
    entries: list[Entry] = []
    for number, line in enumerate(_lines(file), start=1):
        try:
            entry = Entry.model_validate_json(line)
        except ValidationError:
            raise DamagedFileError(file, f"line {number} is no entry", REMEDY) from None
        before = entries[-1].sha256 if entries else FIRST
        if entry.sha256 != _digest(entry):
            problem = f"the entry in line {number} was changed since it was written"
            raise DamagedFileError(file, problem, REMEDY)
        if (entry.number, entry.previous) != (number, before):
            problem = f"entries before line {number} were removed, or others put in"
            raise DamagedFileError(file, problem, REMEDY)
        entries.append(entry)
    return entries


def append(file: Path, entries: list[Entry], **content: Any) -> Entry:
    """Append an entry to a ledger, flushed to the disk; the caller holds the lock.

    Args:
        file: of the ledger.
        entries: those that are in it; the new one is added to the list too.
        content: step, action, version, before, who, why and evidence.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = Entry(
        number=len(entries) + 1,
        # Never before the entry before it, even if the clock was set back.
        at=max(now(), entries[-1].at if entries else ""),
        previous=entries[-1].sha256 if entries else FIRST,
        sha256="",
        **content,
    )
    entry = draft.model_copy(update={"sha256": _digest(draft)})
    line = json.dumps(entry.model_dump(mode="json"), ensure_ascii=False) + "\n"
    _cut_torn_end(file)
    is_new = not file.exists()
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        # In one call, so that a kill leaves all of the line or none of it.
        os.write(handle, line.encode())
        os.fsync(handle)
    finally:
        os.close(handle)
    if is_new:
        sync(file.parent)
    entries.append(entry)
    return entry


def _digest(entry: Entry) -> str:
    return digest(entry.model_dump(mode="json", exclude={"sha256"}))


def _lines(file: Path) -> list[str]:
    """Return the whole lines; what a power cut left of the last one never took effect."""
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        return []
    whole, _, _ = text.rpartition(b"\n")
    return whole.decode("utf-8", "replace").split("\n") if whole else []


def _cut_torn_end(file: Path) -> None:
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        return
    whole = text.rfind(b"\n") + 1
    if whole != len(text):
        log.warning("%s ends in the middle of a line, which is cut off", file)
        os.truncate(file, whole)
