"""The model in production: a store goes in; its file, contract and version come out."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.errors import NoChampionError, PixelgateError
from tasks.models.contract import InputContract
from tasks.outcome import Outcome
from tasks.registry.kept_probabilities import kept_probabilities
from tasks.registry.mlflow_store import CHAMPION
from tasks.runs.provenance import OUTCOME_TAG, RECIPE_TAG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tasks.registry.mlflow_store import ModelStore
    from tasks.training.initial_weights import InitialModel

CONTRACT = "pixelgate_contract"
MLMODEL = "MLmodel"

log = logging.getLogger("pixelgate")


@dataclass(frozen=True)
class Champion:
    """The model in production.

    Attributes:
        version: of the registered model.
        file: .keras file.
        contract: the model's input, and the meaning of its outputs.
    """

    version: str
    file: Path
    contract: InputContract


def find_champion(store: ModelStore) -> Champion | None:
    """Return the model in production, or None when there is none yet."""
    version = champion_version(store)
    if version is None:
        return None
    with _damage_as_message(store, version):
        folder = store.model_path(version)
        file = model_file(folder)
        store.require_checksum(version, file)
        return Champion(version, file, contract_in(folder / MLMODEL))


def require_champion(store: ModelStore) -> Champion:
    """Return the model in production.

    Raises:
        NoChampionError: there is none.
    """
    champion = find_champion(store)
    if champion is None:
        raise NoChampionError(
            f"No model named {store.home.name} is in production in {store.home.root}. Train one"
            " with `pixelgate run --data DIR`, or set name and home."
        )
    return champion


def champion_version(store: ModelStore) -> str | None:
    """Return the version in production without its files; None when there is none yet."""
    # Opening a client would create the embedded store, and a question must not write.
    version = store.version_by_alias(CHAMPION) if store.exists else None
    if version is None:
        store.require_no_champion_before()
        return None
    return str(version.version)


def champion_classes(store: ModelStore) -> tuple[str, ...] | None:
    """Return the classes of the model in production, or None when there is none yet."""
    version = champion_version(store)
    if version is None:
        return None
    try:
        with _damage_as_message(store, version):
            # One small file, so that the data gate need not download a whole model.
            return contract_in(store.model_path(version, MLMODEL)).classes
    except PixelgateError:
        kept = kept_probabilities(store, version)
        if kept is None:
            raise
        return tuple(kept.columns)


def find_initial_model(store: ModelStore) -> InitialModel | None:
    """Return the model a warm start begins with: the champion, or None when there is none yet."""
    # The data gate asks this module for the champion's classes and must not wait for TensorFlow.
    from tasks.training.initial_weights import InitialModel

    champion = find_champion(store)
    if champion is None:
        log.info("no warm start: there is no champion yet")
        return None
    return InitialModel(
        model=champion.file, version=champion.version, classes=champion.contract.classes
    )


def find_judged_run(store: ModelStore, recipe: str) -> dict[str, Any] | None:
    """Look for an earlier run of the same data, settings and code that the model gate judged.

    Args:
        store: of the model.
        recipe: as `recipe_key` returns it.

    Returns:
        The version now in production and the earlier run's metrics; None when there was no such
        run, or when no model is in production any more.
    """
    champion = champion_version(store)
    if champion is None:
        return None
    experiment = store.experiment(store.home.name)
    for run in store.client.search_runs([experiment], f"tags.`{RECIPE_TAG}` = '{recipe}'"):
        # A run that was cut short before its decision has no outcome: its recipe is tried again.
        outcome = run.data.tags.get(OUTCOME_TAG)
        if outcome in set(Outcome) and Outcome(outcome).is_judged:
            return {"model_version": champion, "metrics": dict(run.data.metrics)}
    return None


def model_file(folder: Path) -> Path:
    """Return the .keras file among a version's files.

    Raises:
        FileNotFoundError: there is none.
    """
    file = next(folder.rglob("*.keras"), None)
    if file is None:
        raise FileNotFoundError(f"there is no .keras file in {folder}")
    return file


@contextmanager
def _damage_as_message(store: ModelStore, version: str) -> Iterator[None]:
    """Say which version of which model is damaged, and the ways to continue.

    Raises:
        PixelgateError: a file of the version is missing, or not what was registered.
    """
    try:
        yield
    except PixelgateError:
        raise
    except Exception as error:  # noqa: BLE001 - damaged YAML, JSON and archives raise anything
        raise PixelgateError(
            f"Version {version}, the champion of {store.home.name}, is lost or damaged: {error}."
            " Put its files back with `pixelgate restore ARCHIVE`, or let a new model take its"
            " place: `pixelgate run --without-champion`."
        ) from None


def contract_in(file: Path) -> InputContract:
    """Return the input contract that was registered with a model, from its MLmodel file."""
    from mlflow.models import Model

    metadata = Model.load(str(file)).metadata or {}
    return InputContract.from_dict(json.loads(metadata[CONTRACT]))
