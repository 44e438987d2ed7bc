"""The store of models: where it is, its aliases, and what it tells without loading a model."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
from mlflow.exceptions import MlflowException

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow.entities.model_registry import ModelVersion

    from tasks.config import RetrainConfig

DATABASE = "mlflow.db"
CHAMPION, CHALLENGER = "champion", "challenger"
CONTRACT = "pixelgate_contract"
RECIPE_TAG = "pixelgate.recipe"
OUTCOME_TAG = "pixelgate.outcome"
SETTLED = ("promoted", "kept_champion")


def find_settled(recipe: str, config: RetrainConfig) -> dict[str, Any] | None:
    """Look for an earlier run of the same data, settings and code that was judged to its end.

    Args:
        recipe: what `runs.recipe_key` returned.
        config: the name and the store.

    Returns:
        The version now in production and the earlier run's metrics; None when there was no such
        run, or nothing is in production any more.
    """
    with open_store(config):
        champion = version_by_alias(config.name, CHAMPION)
        experiment = mlflow.get_experiment_by_name(config.name)
        if champion is None or experiment is None:
            return None
        earlier = mlflow.MlflowClient().search_runs(
            [experiment.experiment_id], f"tags.`{RECIPE_TAG}` = '{recipe}'"
        )
        for run in earlier:
            if run.data.tags.get(OUTCOME_TAG) in SETTLED:
                return {"model_version": str(champion.version), "metrics": dict(run.data.metrics)}
    return None


def champion_classes(config: RetrainConfig) -> tuple[str, ...] | None:
    """Return the classes of the model in production, or None when there is none yet."""
    if config.registry.tracking_uri is None and not (config.state / DATABASE).exists():
        return None
    with open_store(config):
        version = version_by_alias(config.name, CHAMPION)
        if version is None:
            return None
        return tuple(contract_of(f"models:/{config.name}/{version.version}")["classes"])


def contract_of(uri: str) -> dict[str, Any]:
    """Return the input contract that was registered with a model, as plain values."""
    metadata = mlflow.models.get_model_info(uri).metadata or {}
    contract: dict[str, Any] = json.loads(metadata[CONTRACT])
    return contract


def file_of(version: str, config: RetrainConfig) -> Path:
    """Return the .keras file of a version, fetched if the store is elsewhere."""
    folder = mlflow.artifacts.download_artifacts(f"models:/{config.name}/{version}")
    return next(Path(folder).rglob("*.keras"))


@contextmanager
def open_store(config: RetrainConfig) -> Iterator[None]:
    """Point MLflow at the store for the time of a call, and back."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(_tracking_uri(config))
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)


def _tracking_uri(config: RetrainConfig) -> str:
    if config.registry.tracking_uri:
        return config.registry.tracking_uri
    config.state.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{config.state / DATABASE}"


def experiment_of(config: RetrainConfig) -> str:
    """Return the id of a model's MLflow experiment; made if need be."""
    experiment = mlflow.get_experiment_by_name(config.name)
    if experiment is not None:
        return str(experiment.experiment_id)
    embedded = config.registry.tracking_uri is None
    location = (config.state / "mlflow-artifacts").as_uri() if embedded else None
    return str(mlflow.create_experiment(config.name, artifact_location=location))


def version_by_alias(name: str, alias: str) -> ModelVersion | None:
    """Return the version of a model that bears an alias; None if there is none."""
    try:
        return mlflow.MlflowClient().get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
