"""A model and the evidence go in; a registered version, its aliases and the decision come out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import mlflow
import numpy as np
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec

from tasks.files import write_json
from tasks.generators.pipelines import pixels_of
from tasks.promotion import check_saved_file, decide, judge_model, tell_decision
from tasks.registry.store import (
    CHALLENGER,
    CHAMPION,
    CONTRACT,
    OUTCOME_TAG,
    experiment_of,
    file_of,
    open_store,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tasks.config import RetrainConfig
    from tasks.evaluation import Evaluation
    from tasks.generators.recipe import InputContract, Inputs
    from tasks.records import Check

PROBE_PICTURES = 64


@dataclass(frozen=True)
class Registration:
    """What the registry did.

    Attributes:
        outcome: promoted, kept_champion or model_rejected.
        message: the decision in one line.
        version: of the registered model.
        checks: the decision, a record a rule.
        mlflow_run: id of the MLflow run that holds parameters, metrics and artifacts.
    """

    outcome: str
    message: str
    version: str
    checks: tuple[Check, ...]
    mlflow_run: str


def register_model(  # noqa: PLR0913 - the evidence a decision is made of
    model: Path,
    inputs: Inputs,
    evaluation: Evaluation,
    champion_evaluation: Evaluation | None,
    config: RetrainConfig,
    *,
    tags: Mapping[str, str],
    artifacts: Path,
) -> Registration:
    """Register a version as challenger and make it champion if it has earned it.

    Args:
        model: .keras file.
        inputs: its contract is kept with the model; some of its pictures try the saved file.
        evaluation: of this model on the test split.
        champion_evaluation: of the present champion on the same pictures; None if there is none.
        config: the floor, the parameters to log, and the store.
        tags: data fingerprint, recipe and so on.
        artifacts: folder whose files are logged beside the model.

    Returns:
        The registration; a model below the floor is registered all the same, as challenger only.
    """
    with open_store(config):
        mlflow.set_experiment(experiment_id=experiment_of(config))
        with mlflow.start_run(run_name=tags.get("pixelgate.run_id"), tags=dict(tags)) as run:
            mlflow.log_params(_flat(config.model_dump(mode="json")))
            mlflow.log_metrics(evaluation.metrics)
            for file in _loggable(artifacts):
                place = file.parent.relative_to(artifacts).as_posix()
                mlflow.log_artifact(str(file), artifact_path=None if place == "." else place)
            version = _log_version(model, inputs.contract, config, tags)
            checks = (
                *judge_model(evaluation, champion_evaluation, config.registry),
                check_saved_file(file_of(version, config), model, _probe_pictures(inputs)),
            )
            outcome = decide(checks)
            _conclude(config, version, outcome, checks)
            mlflow.set_tag(OUTCOME_TAG, outcome)
    return Registration(
        outcome,
        tell_decision(outcome, version, evaluation, checks),
        version,
        checks,
        run.info.run_id,
    )


def write_registration(registration: Registration, file: Path) -> None:
    """Write the decision as JSON."""
    write_json(
        file,
        {
            "outcome": registration.outcome,
            "message": registration.message,
            "version": registration.version,
            "mlflow_run": registration.mlflow_run,
            "checks": [check.model_dump() for check in registration.checks],
        },
    )


def _log_version(
    model: Path, contract: InputContract, config: RetrainConfig, tags: Mapping[str, str]
) -> str:
    logged = mlflow.keras.log_model(
        keras.saving.load_model(model),
        name="model",
        signature=_signature(contract),
        registered_model_name=config.name,
        metadata={CONTRACT: json.dumps(contract.as_dict())},
        pip_requirements=[f"keras=={keras.__version__}", f"tensorflow=={_tensorflow_version()}"],
    )
    version = str(logged.registered_model_version)
    client = mlflow.MlflowClient()
    client.set_registered_model_alias(config.name, CHALLENGER, version)
    for key, value in tags.items():
        client.set_model_version_tag(config.name, version, key, value)
    return version


def _tensorflow_version() -> str:
    from importlib.metadata import version

    return version("tensorflow")


def _signature(contract: InputContract) -> ModelSignature:
    outputs = 1 if contract.class_mode == "binary" else len(contract.classes)
    return ModelSignature(
        inputs=Schema([TensorSpec(np.dtype("uint8"), (-1, *contract.shape), "pictures")]),
        outputs=Schema([TensorSpec(np.dtype("float32"), (-1, outputs), "probabilities")]),
    )


def _probe_pictures(inputs: Inputs) -> np.ndarray:
    """Some pictures of the set, evenly spread over it."""
    total = sum(inputs.counts.values())
    return pixels_of(inputs.pixels, np.arange(0, total, max(1, total // PROBE_PICTURES)))


def _conclude(config: RetrainConfig, version: str, outcome: str, checks: tuple[Check, ...]) -> None:
    client = mlflow.MlflowClient()
    for check in checks:
        client.set_model_version_tag(
            config.name, version, f"pixelgate.check.{check.rule}", check.sentence
        )
    client.set_model_version_tag(config.name, version, OUTCOME_TAG, outcome)
    if outcome == "promoted":
        client.set_registered_model_alias(config.name, CHAMPION, version)


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = str(value)
    return flat


def _loggable(folder: Path) -> list[Path]:
    """The evidence worth keeping with the MLflow run: not the GX project or backups."""
    kept = {".png", ".json", ".csv", ".parquet"}
    parts = {"gx", "tensorboard", "backup"}
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.suffix in kept and not parts.intersection(file.relative_to(folder).parts)
    ]
