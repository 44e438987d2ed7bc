"""A model and the evidence go in; a registered version, its aliases and the decision come out.

MLflow is the store: an SQLite file under the state folder unless another tracking URI is set.
`challenger` is always the newest version; `champion` is the one in production.
"""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import mlflow
import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec

from tasks.errors import NoChampionError
from tasks.files import write_json
from tasks.generators.pipelines import pixels_of
from tasks.generators.recipe import InputContract
from tasks.promotion import check_saved_file, decide, judge_model, tell_decision

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlflow.entities.model_registry import ModelVersion

    from tasks.config import RetrainConfig
    from tasks.evaluation import Evaluation
    from tasks.generators.recipe import Inputs
    from tasks.records import Check

CHAMPION, CHALLENGER = "champion", "challenger"
CONTRACT = "pixelgate_contract"
RECIPE_TAG = "pixelgate.recipe"
OUTCOME_TAG = "pixelgate.outcome"
SETTLED = ("promoted", "kept_champion")
PROBE_PICTURES = 64

log = logging.getLogger("pixelgate.registry")


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
    with _store(config):
        version = _version_by_alias(config.name, CHAMPION)
        if version is None:
            return None
        uri = f"models:/{config.name}/{version.version}"
        metadata = mlflow.models.get_model_info(uri).metadata or {}
        return Champion(
            version=str(version.version),
            model=mlflow.keras.load_model(uri),
            contract=InputContract.from_dict(json.loads(metadata[CONTRACT])),
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


def find_settled(recipe: str, config: RetrainConfig) -> dict[str, Any] | None:
    """Look for an earlier run of the same data, settings and code that was judged to its end.

    Args:
        recipe: what `runs.recipe_key` returned.
        config: the name and the store.

    Returns:
        The version now in production and the earlier run's metrics; None when there was no such
        run, or nothing is in production any more.
    """
    with _store(config):
        champion = _version_by_alias(config.name, CHAMPION)
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
    with _store(config):
        mlflow.set_experiment(experiment_id=_experiment(config))
        with mlflow.start_run(run_name=tags.get("pixelgate.run_id"), tags=dict(tags)) as run:
            mlflow.log_params(_flat(config.model_dump(mode="json")))
            mlflow.log_metrics(evaluation.metrics)
            for file in _loggable(artifacts):
                place = file.parent.relative_to(artifacts).as_posix()
                mlflow.log_artifact(str(file), artifact_path=None if place == "." else place)
            version = _log_version(model, inputs.contract, config, tags)
            checks = (
                *judge_model(evaluation, champion_evaluation, config.registry),
                check_saved_file(_file_of(version, config), model, _probe_pictures(inputs)),
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


@contextmanager
def _store(config: RetrainConfig) -> Iterator[None]:
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
    return f"sqlite:///{config.state / 'mlflow.db'}"


def _experiment(config: RetrainConfig) -> str:
    experiment = mlflow.get_experiment_by_name(config.name)
    if experiment is not None:
        return str(experiment.experiment_id)
    embedded = config.registry.tracking_uri is None
    location = (config.state / "mlflow-artifacts").as_uri() if embedded else None
    return str(mlflow.create_experiment(config.name, artifact_location=location))


def _version_by_alias(name: str, alias: str) -> ModelVersion | None:
    try:
        return mlflow.MlflowClient().get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


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


def _file_of(version: str, config: RetrainConfig) -> Path:
    folder = mlflow.artifacts.download_artifacts(f"models:/{config.name}/{version}")
    return next(Path(folder).rglob("*.keras"))


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
