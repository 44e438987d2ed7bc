"""A model and its evidence go in; a registered version comes out, and later holds the decision.

Every function can be repeated: whatever an interrupted call left is found again by the run's id.
"""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tasks.outcome import Outcome
from tasks.registry.champion import model_file
from tasks.registry.kept_probabilities import tag_of_probabilities
from tasks.registry.mlflow_store import CHALLENGER, CHAMPION, CHECKSUM_TAG
from tasks.registry.production import Change, change_champion, note_decision, settle
from tasks.registry.reigns import PROMOTE
from tasks.registry.version_files import Package, hashes_of, save_package
from tasks.runs.provenance import OUTCOME_TAG, RUN_TAG
from tasks.storage.scratch import scratch_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tasks.evaluation.evaluation_record import Evaluation
    from tasks.model_gate.rules import Decision
    from tasks.models.contract import InputContract
    from tasks.registry.mlflow_store import ModelStore

# MLflow accepts no more of them in one call.
PARAMETERS_PER_CALL = 100
EVIDENCE_SUFFIXES = {".png", ".json", ".csv", ".parquet"}
INTERRUPTED = "interrupted"
# Large, or of no use outside the run's folder.
NOT_EVIDENCE = {"gx", "tensorboard", "backup"}

log = logging.getLogger("pixelgate")


@dataclass(frozen=True)
class Candidate:
    """A registered version that the model gate has not decided on yet.

    Attributes:
        version: of the registered model.
        mlflow_run: id of the MLflow run with its parameters, metrics and evidence.
        file: .keras file, as stored in the registry.
        run: id of the run that made it.
    """

    version: str
    mlflow_run: str
    file: Path
    run: str


def register_version(  # noqa: PLR0913 - everything a version consists of
    store: ModelStore,
    model: Path,
    contract: InputContract,
    evaluation: Evaluation,
    *,
    settings: Mapping[str, Any],
    tags: Mapping[str, str],
    evidence: Path,
    exports: Path | None = None,
) -> Candidate:
    """Register a version as challenger, with the evidence of its run.

    Args:
        store: of the model.
        model: .keras file.
        contract: stored with the model.
        evaluation: of this model on the test split.
        settings: logged as parameters.
        tags: run id, data fingerprint, recipe and so on.
        evidence: folder whose files are logged with the MLflow run.
        exports: folder that `export_model` filled; kept with the version's files.
    """
    # MLflow has no idempotency key; the run id, a tag of both, serves as one.
    run_id = tags[RUN_TAG]
    mlflow_run = _find_run(store, run_id) or _create_run(store, run_id, tags)
    _log_numbers(store, mlflow_run, evaluation.metrics, settings)
    store.upload_evidence(mlflow_run, evidence, _loggable(evidence))
    version = _find_version(store, run_id) or _create_version(
        store,
        Package(model, contract, exports),
        mlflow_run,
        {**tags, **tag_of_probabilities(evidence)},
    )
    store.client.set_registered_model_alias(store.home.name, CHALLENGER, version)
    return Candidate(version, mlflow_run, model_file(store.model_path(version)), run_id)


def record_decision(store: ModelStore, candidate: Candidate, decision: Decision) -> None:
    """Tag a version with the model gate's decision, and make it champion if it was promoted.

    Raises:
        ChampionChangedError: it was compared with a champion that is not in production any more.
    """
    name, client = store.home.name, store.client
    for check in decision.checks:
        client.set_model_version_tag(
            name,
            candidate.version,
            f"pixelgate.check.{check.rule}",
            store.home.stored(check.sentence),
        )
    # After the checks, so that a champion always shows why it is one; before the outcomes, so that
    # `close_interrupted` can tell what a process that was killed here had done.
    who, evidence = f"run {candidate.run}", _evidence(store, candidate, decision)
    if decision.outcome is Outcome.PROMOTED:
        change = Change(
            version=candidate.version,
            expected=decision.champion,
            action=PROMOTE,
            who=who,
            why=decision.message,
            evidence=evidence,
            any_champion=store.without_champion,
        )
        change_champion(store, change)
    else:
        note_decision(
            store,
            action=decision.outcome.value,
            version=candidate.version,
            who=who,
            why=decision.message,
            evidence=evidence,
        )
    client.set_model_version_tag(name, candidate.version, OUTCOME_TAG, decision.outcome.value)
    client.set_tag(candidate.mlflow_run, OUTCOME_TAG, decision.outcome.value)
    client.set_terminated(candidate.mlflow_run)


def _evidence(store: ModelStore, candidate: Candidate, decision: Decision) -> dict[str, Any]:
    """Return what a decision rests on, as the ledger holds it."""
    tags = store.client.get_model_version(store.home.name, candidate.version).tags
    return {
        "run": candidate.run,
        "mlflow_run": candidate.mlflow_run,
        "champion": decision.champion,
        "comparison": None if decision.comparison is None else asdict(decision.comparison),
        "failed": [check.rule for check in decision.checks if not check.success],
        "model_sha256": tags.get(CHECKSUM_TAG),
        # Data, code, and who overruled the data gate and why.
        "provenance": provenance_of(store, candidate.version),
    }


def provenance_of(store: ModelStore, version: str) -> dict[str, str]:
    """Return the tags that say what a version was made of, and the hashes of its files."""
    tags = store.client.get_model_version(store.home.name, version).tags
    return {
        key: value
        for key, value in sorted(tags.items())
        if key.startswith("pixelgate.") and not key.startswith("pixelgate.check.")
    }


def close_interrupted(store: ModelStore) -> None:
    """Close what processes that were killed left open in the store; hold the model's lock.

    A version without an outcome is tagged `interrupted`, unless it became champion before its
    process was killed; its MLflow run fails, or ends with the champion's outcome.
    """
    if not store.exists:
        return
    settle(store)
    name, client = store.home.name, store.client
    champion = store.version_by_alias(CHAMPION)
    promoted = champion and champion.run_id
    for version in client.search_model_versions(f"name = '{name}'"):
        if OUTCOME_TAG not in version.tags:
            outcome = Outcome.PROMOTED if version.run_id == promoted else INTERRUPTED
            log.warning("version %s was left without an outcome: %s", version.version, outcome)
            client.set_model_version_tag(name, version.version, OUTCOME_TAG, outcome)
    for run in client.search_runs([store.experiment(name)], "attributes.status = 'RUNNING'"):
        done = run.info.run_id == promoted
        client.set_tag(run.info.run_id, OUTCOME_TAG, Outcome.PROMOTED if done else INTERRUPTED)
        client.set_terminated(run.info.run_id, "FINISHED" if done else "FAILED")


def _find_run(store: ModelStore, run_id: str) -> str | None:
    experiment = store.experiment(store.home.name)
    runs = store.client.search_runs([experiment], f"tags.`{RUN_TAG}` = '{run_id}'")
    return str(runs[0].info.run_id) if runs else None


def _create_run(store: ModelStore, run_id: str, tags: Mapping[str, str]) -> str:
    experiment = store.experiment(store.home.name)
    run = store.client.create_run(experiment, run_name=run_id, tags=dict(tags))
    return str(run.info.run_id)


def _log_numbers(
    store: ModelStore, mlflow_run: str, metrics: Mapping[str, float], settings: Mapping[str, Any]
) -> None:
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    parameters = [Param(name, value) for name, value in _flat(settings)]
    for start in range(0, len(parameters), PARAMETERS_PER_CALL):
        store.client.log_batch(mlflow_run, params=parameters[start : start + PARAMETERS_PER_CALL])
    store.client.log_batch(
        mlflow_run, metrics=[Metric(name, value, now, 0) for name, value in metrics.items()]
    )


def _find_version(store: ModelStore, run_id: str) -> str | None:
    versions = store.client.search_model_versions(
        f"name = '{store.home.name}' and tags.`{RUN_TAG}` = '{run_id}'"
    )
    return str(versions[0].version) if versions else None


def _create_version(
    store: ModelStore, package: Package, mlflow_run: str, tags: Mapping[str, str]
) -> str:
    """Log a model and register it; the version appears only when its files are complete."""
    from mlflow.exceptions import MlflowException

    name, client = store.home.name, store.client
    logged = client.create_logged_model(
        store.experiment(name), name="model", source_run_id=mlflow_run, tags=dict(tags)
    )
    with scratch_folder(store.home) as folder:
        saved = save_package(package, folder / "model")
        hashes = hashes_of(saved)
        store.upload_model(logged.model_id, saved)
    logged = client.finalize_logged_model(logged.model_id, "READY")
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    created = client.create_model_version(
        name,
        logged.artifact_location,
        run_id=mlflow_run,
        tags={**tags, **hashes},
        model_id=logged.model_id,
    )
    return str(created.version)


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value)


def _loggable(folder: Path) -> list[Path]:
    """Return the evidence worth logging: not the GX project, TensorBoard logs or backups."""
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.suffix in EVIDENCE_SUFFIXES
        and not NOT_EVIDENCE.intersection(file.relative_to(folder).parts)
    ]
