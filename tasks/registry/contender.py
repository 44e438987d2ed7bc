"""The champion comes out as a contender, with the images it has learned: no test for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.evaluation.compare import Contender
from tasks.registry.champion import find_champion
from tasks.registry.lineage import trained_on

if TYPE_CHECKING:
    from tasks.registry.mlflow_store import ModelStore


def champion_as_contender(store: ModelStore) -> Contender | None:
    """Return the model in production, to be evaluated; None without one.

    A test split that was drawn or given anew may hold images that it was trained on.
    """
    champion = find_champion(store)
    if champion is None:
        return None
    known = trained_on(store, champion.version) or frozenset()
    return Contender(champion.file, champion.contract, champion.version, known)
