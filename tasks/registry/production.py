"""Which version is in production, changed by compare-and-set under a lock, with a ledger.

A change is written to the ledger, then made in the registry, then written to the ledger as done. A
process that is killed in between leaves the old or the new champion, never two or none, and the
next one that looks finishes the change or takes it back.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tasks.errors import ChampionChangedError
from tasks.registry.decision_ledger import Step, append, read_ledger
from tasks.registry.mlflow_store import CHAMPION, MISSING, PREVIOUS
from tasks.registry.reigns import champions_in_turn, reigns_of
from tasks.storage.locks import file_lock

if TYPE_CHECKING:
    from tasks.registry.decision_ledger import Entry
    from tasks.registry.mlflow_store import ModelStore

HEAD_TAG = "pixelgate.ledger"
FOUND, LOST = "found", "entries_lost"
ELSEWHERE = "the registry's alias was changed by something else than Pixelgate"
EMPTY = "the registry has no champion any more"

log = logging.getLogger("pixelgate")


@dataclass(frozen=True)
class Change:
    """A change of the version in production.

    Attributes:
        version: to be champion.
        expected: the champion it takes the place of; None if there must be none.
        action: promote or rollback.
        who: a run or a person.
        why: the reason.
        evidence: what it rests on.
        any_champion: take the place of any champion, whatever `expected` says.
    """

    version: str
    expected: str | None
    action: str
    who: str
    why: str
    evidence: dict[str, Any] = field(default_factory=dict)
    any_champion: bool = False


def change_champion(store: ModelStore, change: Change) -> None:
    """Make a version champion if the champion is still the one that was expected.

    It can be repeated: a change that is made already stays as it is.

    Raises:
        ChampionChangedError: another version became champion in the meantime.
    """
    with file_lock(store.ledger):
        entries = _settled(store)
        current = champion_in_registry(store)
        if current == change.version:
            return
        if not change.any_champion and current != change.expected:
            raise ChampionChangedError(
                f"Version {change.version} was to take the place of {named(change.expected)}, but"
                f" {named(current)} became champion in the meantime. Nothing was changed."
                " Run the same command again."
            )
        content = {
            "action": change.action,
            "version": change.version,
            "before": current,
            "who": change.who,
            "why": change.why,
            "evidence": change.evidence,
        }
        append(store.ledger, entries, step=Step.BEGUN, **content)
        store.client.set_registered_model_alias(store.home.name, CHAMPION, change.version)
        _finish(store, entries)


def note_decision(store: ModelStore, **content: Any) -> None:
    """Write a decision to the ledger that leaves the champion where it is; twice is once.

    Args:
        store: of the model.
        content: action, version, who, why and evidence.
    """
    with file_lock(store.ledger):
        entries = _settled(store)
        same = {"action", "version", "who"}
        if any(all(getattr(each, name) == content[name] for name in same) for each in entries):
            return
        append(
            store.ledger, entries, step=Step.DECIDED, before=champion_in_registry(store), **content
        )
        _publish_head(store, entries)


def note_action(
    store: ModelStore, *, action: str, who: str, why: str, evidence: dict[str, Any]
) -> Entry:
    """Write to the ledger what a person did that is about no version; each time is an entry.

    Args:
        store: of the model, which may have no version yet.
        action: what was done.
        who: did it.
        why: the reason.
        evidence: what it was done to.
    """
    with file_lock(store.ledger):
        # The first data of a model can be rejected, and accepted, before there is a store.
        entries = _settled(store) if store.exists else read_ledger(store.ledger)
        before = champion_in_registry(store) if store.exists else None
        content = {"action": action, "version": None, "before": before, "who": who, "why": why}
        entry = append(store.ledger, entries, step=Step.DECIDED, evidence=evidence, **content)
        if store.exists and is_registered(store):
            _publish_head(store, entries)
    return entry


def settle(store: ModelStore) -> None:
    """Finish or take back what a killed process left, and note what was changed elsewhere."""
    if store.exists:
        with file_lock(store.ledger):
            _settled(store)


def missing_end(store: ModelStore, entries: list[Entry]) -> str | None:
    """Return what the registry knows of entries that the ledger doesn't have; None if nothing."""
    from mlflow.exceptions import MlflowException

    try:
        head = store.client.get_registered_model(store.home.name).tags.get(HEAD_TAG, "")
    except MlflowException as error:
        if error.error_code in MISSING:
            return None
        raise
    number, _, sha256 = head.partition(" ")
    if not head or (len(entries) >= int(number) and entries[int(number) - 1].sha256 == sha256):
        return None
    return f"the registry knows of entry {number} ({sha256[:12]}), which is missing here"


def _settled(store: ModelStore) -> list[Entry]:
    """Return the entries of the ledger, brought in line with the registry; the lock is held."""
    entries = read_ledger(store.ledger)
    current = champion_in_registry(store)
    gap = missing_end(store, entries)
    if gap is not None:
        log.warning("%s: %s", store.ledger, gap)
        _append_found(store, entries, LOST, current, gap)
    last = entries[-1] if entries else None
    if last is not None and last.step is Step.BEGUN:
        if current == last.version:
            log.warning("the change to version %s was cut short; it is finished", current)
            _finish(store, entries)
        else:
            log.warning("the change to version %s was cut short; it is taken back", last.version)
            _append_like(store, entries, last, Step.UNDONE)
    reigns = reigns_of(entries)
    if current != (reigns[-1].version if reigns else None):
        _note_found(store, entries, current)
    return entries


def _finish(store: ModelStore, entries: list[Entry]) -> None:
    """Complete the change that the last entry began: the alias before it, and the ledger."""
    begun = entries[-1]
    _set_previous(store, [*entries, begun.model_copy(update={"step": Step.DONE})])
    _append_like(store, entries, begun, Step.DONE)


def _append_like(store: ModelStore, entries: list[Entry], begun: Entry, step: Step) -> None:
    # What it rests on is in the entry that began it.
    content = begun.model_dump(include={"action", "version", "before", "who", "why"})
    append(store.ledger, entries, step=step, **content)
    _publish_head(store, entries)


def _note_found(store: ModelStore, entries: list[Entry], current: str | None) -> None:
    # The first entry of a store that was used before there was a ledger is no surprise.
    if reigns_of(entries):
        log.warning("%s is champion now: %s", named(current), ELSEWHERE)
    _append_found(store, entries, FOUND, current, ELSEWHERE if current else EMPTY)
    if current is not None:
        _set_previous(store, entries)


def _append_found(
    store: ModelStore, entries: list[Entry], action: str, current: str | None, why: str
) -> None:
    reigns = reigns_of(entries)
    append(
        store.ledger,
        entries,
        step=Step.FOUND,
        action=action,
        version=current,
        before=reigns[-1].version if reigns else None,
        who="unknown",
        why=why,
    )
    if current is not None:
        _publish_head(store, entries)


def _set_previous(store: ModelStore, entries: list[Entry]) -> None:
    """Let the alias `previous` name what a rollback would return to."""
    stack = champions_in_turn(entries)
    name, client = store.home.name, store.client
    if len(stack) > 1:
        client.set_registered_model_alias(name, PREVIOUS, stack[-2])
    elif store.registered_alias(PREVIOUS) is not None:
        client.delete_registered_model_alias(name, PREVIOUS)


def _publish_head(store: ModelStore, entries: list[Entry]) -> None:
    """Tell the registry the last entry, which shows if entries are cut off the file's end."""
    head = f"{entries[-1].number} {entries[-1].sha256}"
    store.client.set_registered_model_tag(store.home.name, HEAD_TAG, head)


def champion_in_registry(store: ModelStore) -> str | None:
    """Return what the registry says is in production, whatever the settings want to see."""
    version = store.registered_alias(CHAMPION)
    return None if version is None else str(version.version)


def is_registered(store: ModelStore) -> bool:
    """Return whether the registry knows the model; its first version makes it known."""
    from mlflow.exceptions import MlflowException

    try:
        store.client.get_registered_model(store.home.name)
    except MlflowException as error:
        if error.error_code in MISSING:
            return False
        raise
    return True


def named(version: str | None) -> str:
    """Return a version as messages name it."""
    return "no champion" if version is None else f"version {version}"
