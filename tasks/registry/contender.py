"""The champion comes out as a contender, with the images it has learned: no test for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.evaluation.compare import Contender
from tasks.registry.champion import champion_version, require_champion
from tasks.registry.kept_probabilities import kept_probabilities
from tasks.registry.lineage import trained_on

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.models.contract import InputContract
    from tasks.registry.mlflow_store import ModelStore


def champion_as_contender(store: ModelStore) -> Contender | None:
    """Return the model in production, to be evaluated; None without one.

    A test split that was drawn or given anew may hold images that it was trained on. A champion
    whose file is lost, or which this Keras can't load, is compared by its kept answers.
    """
    version = champion_version(store)
    if version is None:
        return None

    def opened() -> tuple[Path, InputContract]:
        champion = require_champion(store)
        return champion.file, champion.contract

    return Contender(
        opened,
        version,
        trained_on(store, version) or frozenset(),
        kept=lambda: kept_probabilities(store, version),
    )
