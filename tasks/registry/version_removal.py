"""A run that is to go comes in; its version, its MLflow run and their files are gone afterwards.

The version goes first, so that none is ever without its files, and each step can be repeated: what
a killed process left is found again by the run's id.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tasks.errors import PixelgateError
from tasks.registry.embedded_database import database_uri
from tasks.registry.ever_in_production import ever_in_production
from tasks.runs.provenance import RUN_TAG
from tasks.storage.locks import file_lock
from tasks.storage.removal import delete_moved, disk_bytes, move_aside

if TYPE_CHECKING:
    from pathlib import Path

    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    from tasks.registry.mlflow_store import ModelStore

log = logging.getLogger("pixelgate")


def files_of_run(store: ModelStore, run_id: str) -> list[Path]:
    """Return the folders of the embedded store that hold a run's artifacts and its model."""
    if store.tracking_uri is not None or not store.exists:
        return []
    return [folder for each in _mlflow_runs(store, run_id) for folder in _folders(store, each)]


def bytes_of_run(store: ModelStore, run_id: str) -> int:
    """Return the bytes that a run fills in the embedded store; 0 for another store."""
    return disk_bytes(*files_of_run(store, run_id))


def remove_from_store(store: ModelStore, run_id: str) -> str | None:
    """Remove the version, the model and the MLflow run that a run made.

    Files in another store than the embedded one are left to `mlflow gc`, which has its rights.

    Returns:
        Why they stay; None if they are gone.
    """
    if not store.exists:
        return None
    # Who promotes holds this lock too: no version becomes champion between question and removal.
    with file_lock(store.ledger):
        made = store.client.search_model_versions(_of_run(run_id, f"name = '{store.home.name}'"))
        for version in made:
            reason = _why_it_stays(store, str(version.version))
            if reason is not None:
                return reason
        for version in made:
            store.client.delete_model_version(store.home.name, str(version.version))
    for mlflow_run in _mlflow_runs(store, run_id):
        _remove_run(store, mlflow_run)
    return None


def delete_moved_artifacts(store: ModelStore) -> None:
    """Free the space of artifacts that were moved aside, now or by a process that was killed."""
    if store.tracking_uri is None:
        root = store.home.artifacts / store.home.name
        delete_moved([root, root / "models"])


def _why_it_stays(store: ModelStore, version: str) -> str | None:
    aliases = store.client.get_model_version(store.home.name, version).aliases
    if aliases:
        return f"version {version} is {' and '.join(sorted(aliases))}"
    if version in ever_in_production(store.ledger).versions:
        return f"version {version} was in production"
    return None


def _of_run(run_id: str, condition: str = "") -> str:
    tag = f"tags.`{RUN_TAG}` = '{run_id}'"
    return f"{condition} and {tag}" if condition else tag


def _mlflow_runs(store: ModelStore, run_id: str) -> list[str]:
    """Return the MLflow runs of a run, also those that were deleted and are still in the tables."""
    from mlflow.entities import ViewType

    experiment = store.client.get_experiment_by_name(store.home.name)
    if experiment is None:
        return []
    ids = [experiment.experiment_id]
    found = store.client.search_runs(ids, _of_run(run_id), ViewType.ALL)
    return [str(each.info.run_id) for each in found]


def _models(store: ModelStore, mlflow_run: str) -> dict[str, str]:
    """Return the locations of the models that an MLflow run logged, by their ids."""
    experiment = store.client.get_run(mlflow_run).info.experiment_id
    found = store.client.search_logged_models([experiment], f"source_run_id = '{mlflow_run}'")
    return {each.model_id: each.artifact_location for each in found}


def _folders(store: ModelStore, mlflow_run: str) -> list[Path]:
    locations = [*_models(store, mlflow_run).values()]
    locations.append(store.client.get_run(mlflow_run).info.artifact_uri)
    # MLflow's folder of a run or model holds nothing but `artifacts`.
    return [store.local_path(each).parent for each in locations]


def _remove_run(store: ModelStore, mlflow_run: str) -> None:
    models = _models(store, mlflow_run)
    if store.tracking_uri is not None:
        for model in models:
            store.client.delete_logged_model(model)
        store.client.delete_run(mlflow_run)
        return
    for folder in _folders(store, mlflow_run):
        _require_within(store, folder)
        move_aside(folder)
    if store.client.get_run(mlflow_run).info.lifecycle_stage == "active":
        store.client.delete_run(mlflow_run)
    _purge(store, mlflow_run, list(models))


def _require_within(store: ModelStore, folder: Path) -> None:
    """Check that a folder is one of this model's own before it is removed.

    Raises:
        PixelgateError: the store names another one, such as the root of all artifacts.
    """
    root = store.home.artifacts / store.home.name
    if folder.parent not in {root, root / "models"}:
        raise PixelgateError(
            f"The store in {store.home.database} names {folder} as the folder of a run, which is"
            f" not in {root}. It is not removed; restore the database of this home from a backup."
        )


def _purge(store: ModelStore, mlflow_run: str, models: list[str]) -> None:
    """Take the rows of a deleted run out of the embedded database, as `mlflow gc` does.

    MLflow's client only marks them as deleted, and the database would grow for ever.
    """
    # `mlflow gc` itself wants a global tracking URI, and a server to resolve artifacts of homes.
    tables = _tables(store)
    try:
        for model in models:
            tables._hard_delete_logged_model(model)  # type: ignore[no-untyped-call]  # noqa: SLF001 - as `mlflow gc` calls it
        tables._hard_delete_run(mlflow_run)  # type: ignore[no-untyped-call]  # noqa: SLF001 - as `mlflow gc` calls it
    except AttributeError:
        log.warning("this MLflow can't purge deleted runs: their rows stay in its database")
    finally:
        tables.engine.dispose()


def _tables(store: ModelStore) -> SqlAlchemyStore:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    return SqlAlchemyStore(database_uri(store.home.database), "mlflow-artifacts:/")  # type: ignore[no-untyped-call]  # MLflow's constructor has no types
