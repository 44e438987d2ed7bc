"""The model in production: its file, and what it must be fed."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.errors import NoChampionError
from tasks.models.contract import InputContract
from tasks.outcome import Outcome
from tasks.registry.mlflow_store import CHAMPION, open_store
from tasks.runs.provenance import OUTCOME_TAG, RECIPE_TAG
from tasks.training.initial_weights import InitialModel

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.config.schema import RetrainConfig

CONTRACT = "pixelgate_contract"

log = logging.getLogger("pixelgate")


@dataclass(frozen=True)
class Champion:
    """The model in production.

    Attributes:
        version: of the registered model.
        file: .keras file.
        contract: what it must be fed and what it answers.
    """

    version: str
    file: Path
    contract: InputContract


def find_champion(config: RetrainConfig) -> Champion | None:
    """Return the model in production, or None when there is none yet."""
    version = champion_version(config)
    if version is None:
        return None
    folder = open_store(config).folder_of(version)
    return Champion(version, model_file(folder), contract_in(folder))


def require_champion(config: RetrainConfig) -> Champion:
    """Return the model in production.

    Raises:
        NoChampionError: there is none.
    """
    champion = find_champion(config)
    if champion is None:
        raise NoChampionError(
            f"No model named {config.name} is in production in {config.home}. Train one with"
            " `pixelgate run --data DIR`, or set name and home."
        )
    return champion


def champion_version(config: RetrainConfig) -> str | None:
    """Return the version in production without its files; None when there is none yet."""
    store = open_store(config)
    if not store.exists:
        return None
    version = store.version_by_alias(CHAMPION)
    return None if version is None else str(version.version)


def champion_classes(config: RetrainConfig) -> tuple[str, ...] | None:
    """Return the classes of the model in production, or None when there is none yet."""
    champion = find_champion(config)
    return None if champion is None else champion.contract.classes


def find_initial_model(config: RetrainConfig) -> InitialModel | None:
    """Return what a warm start begins with: None without training.warm_start or a champion."""
    if not config.training.warm_start:
        return None
    champion = find_champion(config)
    if champion is None:
        log.info("no warm start: there is no champion yet")
        return None
    return InitialModel(
        model=champion.file, version=champion.version, classes=champion.contract.classes
    )


def find_judged_run(recipe: str, config: RetrainConfig) -> dict[str, Any] | None:
    """Look for an earlier run of the same data, settings and code that the model gate judged.

    Args:
        recipe: as `recipe_key` returns it.
        config: the name and the store.

    Returns:
        The version now in production and the earlier run's metrics; None when there was no such
        run, or nothing is in production any more.
    """
    champion = champion_version(config)
    if champion is None:
        return None
    store = open_store(config)
    experiment = store.experiment(config.name)
    for run in store.client.search_runs([experiment], f"tags.`{RECIPE_TAG}` = '{recipe}'"):
        outcome = run.data.tags.get(OUTCOME_TAG)
        if outcome in set(Outcome) and Outcome(outcome).is_judged:
            return {"model_version": champion, "metrics": dict(run.data.metrics)}
    return None


def model_file(folder: Path) -> Path:
    """Return the .keras file among a version's files."""
    return next(folder.rglob("*.keras"))


def contract_in(folder: Path) -> InputContract:
    """Return the input contract that was registered with a model."""
    from mlflow.models import Model

    metadata = Model.load(str(folder / "MLmodel")).metadata or {}
    return InputContract.from_dict(json.loads(metadata[CONTRACT]))
