"""The model in production, loaded and with what it must be fed."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import mlflow

from tasks.errors import NoChampionError
from tasks.generators.recipe import InputContract
from tasks.registry.store import (
    CHAMPION,
    contract_of,
    file_of,
    open_store,
    version_by_alias,
)
from tasks.training.transfer import StartingPoint

if TYPE_CHECKING:
    import keras

    from tasks.config import RetrainConfig

log = logging.getLogger("pixelgate")


@dataclass(frozen=True)
class Champion:
    """The model in production.

    Attributes:
        version: of the registered model.
        model: loaded and ready.
        contract: what it must be fed and what it answers.
    """

    version: str
    model: keras.Model
    contract: InputContract


def find_champion(config: RetrainConfig) -> Champion | None:
    """Load the model in production, or return None when there is none yet."""
    with open_store(config):
        version = version_by_alias(config.name, CHAMPION)
        if version is None:
            return None
        uri = f"models:/{config.name}/{version.version}"
        return Champion(
            version=str(version.version),
            model=mlflow.keras.load_model(uri),
            contract=InputContract.from_dict(contract_of(uri)),
        )


def champion_version(config: RetrainConfig) -> str | None:
    """Return the version in production without loading it; None when there is none yet."""
    with open_store(config):
        version = version_by_alias(config.name, CHAMPION)
        return None if version is None else str(version.version)


def find_starting_point(config: RetrainConfig) -> StartingPoint | None:
    """Return what a warm start begins with: None without training.warm_start or a champion."""
    if not config.training.warm_start:
        return None
    with open_store(config):
        version = version_by_alias(config.name, CHAMPION)
        if version is None:
            log.info("no warm start: there is no champion yet")
            return None
        return StartingPoint(
            model=file_of(str(version.version), config),
            version=str(version.version),
            classes=tuple(contract_of(f"models:/{config.name}/{version.version}")["classes"]),
        )


def require_champion(config: RetrainConfig) -> Champion:
    """Load the model in production.

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
