"""What a store says of production: its aliases, and the steps in its ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.registry.decision_ledger import read_ledger
from tasks.registry.mlflow_store import CHAMPION, PREVIOUS

if TYPE_CHECKING:
    from tasks.registry.mlflow_store import ModelStore
    from tests.model_bench import Bench


def aliases(store: ModelStore) -> tuple[str | None, str | None]:
    """Return the versions of the aliases champion and previous."""
    found = (store.registered_alias(alias) for alias in (CHAMPION, PREVIOUS))
    champion, previous = (None if each is None else str(each.version) for each in found)
    return champion, previous


def steps(store: ModelStore) -> list[tuple[str, str | None]]:
    """Return step and version of each entry."""
    return [(entry.step.value, entry.version) for entry in read_ledger(store.ledger)]


def decisions(bench: Bench) -> list[tuple[str, str, str | None, str]]:
    """Return who, what, version and why of the ledger's ends, without the first promotion."""
    entries = read_ledger(bench.store.ledger)[2:]
    return [
        (each.who, each.action, each.version, each.why) for each in entries if each.step != "begun"
    ]
