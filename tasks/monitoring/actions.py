"""A person's decision goes in; it is checked, carried out, and kept in the ledger.

The desk and the command line decide by the same functions. Here each decision has a name and a
reason, and one about the champion names the champion that the person saw.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.errors import ChampionChangedError, UsageError
from tasks.monitoring.model_status import status_of
from tasks.monitoring.rejected_rules import stopping_rules
from tasks.monitoring.run_index import RunIndex
from tasks.monitoring.run_requests import request_run, waiting_requests
from tasks.monitoring.run_settings import settings_of, store_of
from tasks.registry import by_hand
from tasks.registry.decision_ledger import read_ledger
from tasks.registry.golden_inspection import golden_inspection
from tasks.registry.production import champion_in_registry, named, note_action
from tasks.storage.locks import file_lock
from tasks.validation import quarantine
from tasks.validation.overrides import Override, add_override, list_overrides

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tasks.monitoring.run_requests import RunRequest
    from tasks.registry.by_hand import HandOver, Inspect
    from tasks.registry.mlflow_store import ModelStore
    from tasks.storage.home import Home

# As the ledger names them.
RUN_NOW, CLEAR, ACCEPT = "run_now", "clear_quarantine", "accept_data"
# So many paths stand in the ledger; the record of the quarantine has all of them.
PATHS_KEPT = 50
LONGEST = 500


@dataclass(frozen=True)
class Decider:
    """Who decides, and why.

    Attributes:
        who: as the ledger names them.
        why: the reason.
    """

    who: str
    why: str

    def __post_init__(self) -> None:
        """Refuse a decision without a name or a reason.

        Raises:
            UsageError: one of them is blank, or too long for a line of the ledger.
        """
        for name, text in (("name", self.who), ("reason", self.why)):
            if not text.strip():
                raise UsageError(f"Give a {name} that others can understand.")
            if len(text) > LONGEST:
                raise UsageError(f"The {name} has {len(text)} characters; {LONGEST} are allowed.")


def run_now(home: Home, decider: Decider) -> tuple[RunRequest, bool]:
    """Ask for a run of a model.

    Returns:
        What waits to start, and whether it was asked for now: one that waits already serves this
        request too, and is not asked for again.

    Raises:
        DamagedFileError: the ledger was changed or is torn.
    """
    store = _store(home)
    with file_lock(home.requests / home.name):
        waiting = {each.id for each in waiting_requests(home)}
        request = request_run(home, who=decider.who, reason=decider.why)
        is_new = request.id not in waiting
        if is_new:
            _note(store, RUN_NOW, decider, {"request": request.id})
    return request, is_new


def approve(home: Home, version: str, decider: Decider, *, seen: str | None) -> HandOver:
    """Put the version that waits for a person into production; see `promote`.

    Raises:
        UsageError: it doesn't wait.
    """
    waiting = status_of(home, RunIndex(home).of(home.name)).waiting
    store = _store(home)
    # What is in production already was approved by an earlier click.
    in_production = champion_in_registry(store) if store.exists else None
    if version not in (*waiting, in_production):
        raise UsageError(
            f"Version {version} of {home.name} doesn't wait for approval any more. Nothing was"
            " changed."
        )
    return promote(home, version, decider, seen=seen)


def promote(home: Home, version: str, decider: Decider, *, seen: str | None) -> HandOver:
    """Put a version into production, whatever the model gate said of it.

    Args:
        home: of the model.
        version: its number or alias.
        decider: who, and why.
        seen: the champion that it was decided against; None for none.

    Raises:
        UsageError: there is no such version.
        PixelgateError: its file is lost or not what was registered, or it misses a golden image.
        ChampionChangedError: another version became champion since it was looked at.
    """
    settings = settings_of(home)
    store = store_of(settings)
    inspect = _inspection(store, golden_inspection(store, settings), seen)
    return by_hand.promote_version(
        store, version, reason=decider.why, who=decider.who, inspect=inspect
    )


def roll_back(home: Home, to: str | None, decider: Decider, *, seen: str | None) -> HandOver:
    """Return to a version that was in production before; see `promote`."""
    settings = settings_of(home)
    store = store_of(settings)
    inspect = _inspection(store, golden_inspection(store, settings), seen)
    return by_hand.roll_back(store, to, reason=decider.why, who=decider.who, inspect=inspect)


def clear_quarantine(home: Home, paths: Sequence[str], decider: Decider) -> list[str]:
    """Admit files to the next run whatever the rules say; all readable ones if none is named.

    Returns:
        The cleared paths.

    Raises:
        UsageError: a path is not in quarantine, its file can't be read, or there is none to clear.
    """
    store = _store(home)
    cleared = quarantine.clear_quarantine(home, paths)
    if not cleared:
        raise UsageError(f"No file of {home.name} is in quarantine that can be read.")
    _note(store, CLEAR, decider, {"files": len(cleared), "paths": cleared[:PATHS_KEPT]})
    return cleared


def accept(home: Home, run_id: str, decider: Decider) -> Override:
    """Overrule the data gate's rejection of a run, for exactly its data and these rules.

    Raises:
        UsageError: the run didn't reject its data, or that was accepted already.
    """
    run = RunIndex(home).find(run_id)
    rules = stopping_rules(run) if run is not None and run.name == home.name else ()
    fingerprint = run.data_fingerprint if run is not None else None
    if not rules or fingerprint is None:
        raise UsageError(f"Run {run_id} of {home.name} didn't reject its data.")
    store = _store(home)
    before = next((each for each in list_overrides(home) if each.covers(fingerprint, rules)), None)
    if before is not None:
        raise UsageError(f"This data was accepted before: {before.sentence}.")
    override = add_override(
        home, fingerprint=fingerprint, rules=rules, why=decider.why, who=decider.who
    )
    note_acceptance(store, override, run_id)
    return override


def note_acceptance(store: ModelStore, override: Override, run_id: str) -> None:
    """Write to the ledger that a run's data was accepted, at the desk or on the command line."""
    evidence = {
        "run": run_id,
        "data_fingerprint": override.data_fingerprint,
        "rules": list(override.rules),
    }
    note_action(store, action=ACCEPT, who=override.who, why=override.why, evidence=evidence)


def _store(home: Home) -> ModelStore:
    """Return a model's store, after a look at its ledger.

    Raises:
        DamagedFileError: the ledger can't be added to, so nothing must be done that belongs there.
    """
    store = store_of(settings_of(home))
    read_ledger(store.ledger)
    return store


def _note(store: ModelStore, action: str, decider: Decider, evidence: dict[str, Any]) -> None:
    note_action(store, action=action, who=decider.who, why=decider.why, evidence=evidence)


def _inspection(store: ModelStore, golden: Inspect | None, seen: str | None) -> Inspect:
    """Return what refuses a version if the champion is not the one that the person saw."""

    def inspect(version: str, file: Path) -> None:
        current = champion_in_registry(store)
        if current != seen:
            raise ChampionChangedError(
                f"Version {version} was to take the place of {named(seen)}, but {named(current)}"
                " became champion in the meantime. Nothing was changed. Look again, and decide"
                " anew."
            )
        if golden is not None:
            golden(version, file)

    return inspect
