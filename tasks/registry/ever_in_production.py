"""A model's ledgers go in; the versions and runs that they name as ever in production come out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.registry.decision_ledger import Step, read_ledger

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.storage.home import Home


@dataclass(frozen=True)
class EverInProduction:
    """What ledgers name.

    Attributes:
        versions: of the registered model.
        runs: that made them, as far as the ledger says it.
    """

    versions: frozenset[str]
    runs: frozenset[str]


def ever_in_production(*ledgers: Path) -> EverInProduction:
    """Return what ledgers name as in production at any time, or as about to be.

    Raises:
        DamagedFileError: one was changed or is torn, so that it can't be told.
    """
    versions: set[str | None] = set()
    runs: set[str | None] = set()
    for entry in (entry for file in ledgers for entry in read_ledger(file)):
        versions.add(entry.before)
        # A decision that left the champion where it is says nothing for its own version.
        if entry.step is not Step.DECIDED:
            versions.add(entry.version)
            runs.add(entry.evidence.get("run"))
    return EverInProduction(
        frozenset(each for each in versions if each), frozenset(each for each in runs if each)
    )


def ledgers_of(home: Home) -> list[Path]:
    """Return the ledgers of a model, one for each store it was ever registered in."""
    folder = home.ledger().parent
    return sorted([*folder.glob(f"{home.name}.jsonl"), *folder.glob(f"{home.name}@*.jsonl")])
