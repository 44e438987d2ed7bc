"""A ledger and its registry go in; whether they agree, and what was in production when, come out.

Nothing is written: `production.settle` brings them in line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tasks.errors import DamagedFileError
from tasks.registry.decision_ledger import FIRST, REMEDY, Step, now, read_ledger
from tasks.registry.production import (
    ELSEWHERE,
    EMPTY,
    FOUND,
    champion_in_registry,
    missing_end,
    named,
)
from tasks.registry.reigns import Reign, reigns_of
from tasks.storage.locks import file_lock

if TYPE_CHECKING:
    from tasks.registry.mlflow_store import ModelStore


@dataclass(frozen=True)
class Verified:
    """A ledger that was verified.

    Attributes:
        entries: their number.
        last: SHA-256 of the last one; zeros for none.
        champion: the version that ledger and registry agree on; None for none.
        notes: entries that were found to be lost before, or changes made elsewhere.
    """

    entries: int
    last: str
    champion: str | None
    notes: tuple[str, ...]


def verify_ledger(store: ModelStore) -> Verified:
    """Verify a ledger: its chain, its end, and that it names the champion of the registry.

    Raises:
        DamagedFileError: it was changed, entries are missing, or it names another champion.
    """
    with file_lock(store.ledger):
        entries = read_ledger(store.ledger)
        gap = missing_end(store, entries) if store.exists else None
        if gap is not None:
            raise DamagedFileError(store.ledger, gap, REMEDY)
        current = champion_in_registry(store) if store.exists else None
        pending = bool(entries) and entries[-1].step is Step.BEGUN
        reigns = reigns_of(entries)
        recorded = reigns[-1].version if reigns else None
        if entries and not pending and recorded != current:
            problem = f"it says {named(recorded)}, and the registry says {named(current)}"
            remedy = "The next run, promotion or rollback notes the change."
            raise DamagedFileError(store.ledger, problem, remedy)
    notes = [f"entry {each.number}: {each.why}" for each in entries if each.step is Step.FOUND]
    if pending:
        notes.append("a change is under way; the next run finishes it or takes it back")
    return Verified(len(entries), entries[-1].sha256 if entries else FIRST, current, tuple(notes))


def list_reigns(store: ModelStore) -> list[Reign]:
    """Return every reign, the oldest first, as ledger and registry know them; writes nothing.

    A change that a killed process made in the registry, but not to its end in the ledger, counts.
    """
    if not store.exists:
        return []
    with file_lock(store.ledger):
        entries, current = read_ledger(store.ledger), champion_in_registry(store)
    last = entries[-1] if entries else None
    if last is not None and last.step is Step.BEGUN and last.version == current:
        entries.append(last.model_copy(update={"step": Step.DONE, "at": now()}))
    reigns = reigns_of(entries)
    if current != (reigns[-1].version if reigns else None):
        moment, why = now(), ELSEWHERE if current else EMPTY
        reigns = [
            *(replace(reign, until=reign.until or moment) for reign in reigns),
            Reign(current, moment, moment, None, FOUND, "unknown", why),
        ]
    return reigns
