"""The store of models: MLflow clients with explicit URIs, and the paths of their files.

MLflow's global tracking URI is neither read nor set. The embedded store's artifact locations are
`mlflow-artifacts:/...`, relative to the home's artifact folder, so that a home can be moved; MLflow
shows them with `mlflow server --backend-store-uri sqlite:///<home>/state/mlflow.db
--artifacts-destination <home>/state/mlflow-artifacts`.
"""

from __future__ import annotations

import contextlib
import functools
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from tasks.errors import PixelgateError
from tasks.registry.embedded_database import (
    database_uri,
    ensure_database,
    require_no_history,
)
from tasks.storage.atomic import atomic_folder, atomic_write
from tasks.storage.hashing import digest, file_digest
from tasks.storage.scratch import new_scratch_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

    from tasks.config.registry import RegistryConfig
    from tasks.storage.home import Home

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
CHECKSUM_TAG = "pixelgate.model_sha256"
SCHEME = "mlflow-artifacts"
# MLflow reports a model that was never registered by the first, an unknown alias by the second.
MISSING = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


@dataclass(frozen=True)
class ModelStore:
    """MLflow's tracking store and model registry, as one home uses them.

    Attributes:
        home: names the model, and holds the embedded store.
        tracking_uri: of an MLflow server or another store; None for the embedded one.
        without_champion: behave as if no model were in production.
    """

    home: Home
    tracking_uri: str | None = None
    without_champion: bool = False

    @property
    def exists(self) -> bool:
        """Whether it can hold anything; the embedded store is created on first use."""
        return self.tracking_uri is not None or self.home.database.exists()

    @property
    def uri(self) -> str:
        """URI of the store, as MLflow takes it."""
        return self.tracking_uri or database_uri(self.home.database)

    @property
    def ledger(self) -> Path:
        """File of the decisions about this model's versions; each store has one of its own."""
        if self.tracking_uri is None:
            return self.home.ledger()
        # By its address without the password, which may change.
        parts = urlsplit(self.tracking_uri)
        address = f"{parts.scheme}://{parts.hostname}:{parts.port}{parts.path}"
        return self.home.ledger(digest(address)[:8])

    @functools.cached_property
    def client(self) -> MlflowClient:
        """MLflow's client, for tracking and registry."""
        from mlflow import MlflowClient

        if self.tracking_uri is None:
            ensure_database(self.home)
        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    def import_library(self) -> None:
        """Import what `client` needs, for a caller who has to wait for something else anyway."""
        import mlflow

        if self.tracking_uri is None:
            import mlflow.store.model_registry.sqlalchemy_store
            import mlflow.store.tracking.sqlalchemy_store  # noqa: F401

    def experiment(self, name: str) -> str:
        """Return the id of an experiment, which is created if it is missing."""
        from mlflow.exceptions import MlflowException

        experiment = self.client.get_experiment_by_name(name)
        if experiment is None:
            location = f"{SCHEME}:/{name}" if self.tracking_uri is None else None
            try:
                return str(self.client.create_experiment(name, artifact_location=location))
            except MlflowException:
                # Another process may have created it since.
                experiment = self.client.get_experiment_by_name(name)
                if experiment is None:
                    raise
        return str(experiment.experiment_id)

    def version_by_alias(self, alias: str) -> ModelVersion | None:
        """Return the version of this model with an alias; None if there is none."""
        if alias == CHAMPION and self.without_champion:
            return None
        return self.registered_alias(alias)

    def registered_alias(self, alias: str) -> ModelVersion | None:
        """Return what the registry says of an alias, even if no champion is to be seen."""
        from mlflow.exceptions import MlflowException

        try:
            return self.client.get_model_version_by_alias(self.home.name, alias)
        except MlflowException as error:
            if error.error_code in MISSING:
                return None
            raise

    def require_no_champion_before(self) -> None:
        """Check that a store without a champion never had one.

        Raises:
            PixelgateError: runs tell of a champion, so that the store lost it.
        """
        if self.tracking_uri is None and not self.without_champion:
            require_no_history(self.home)

    def require_checksum(self, version: str, file: Path) -> None:
        """Check that a version's file is the one that was registered.

        Raises:
            ValueError: it is not.
        """
        tags = self.client.get_model_version(self.home.name, version).tags
        if tags.get(CHECKSUM_TAG) not in (None, file_digest(file)):
            raise ValueError(f"the content of {file} changed since it was registered")

    def model_path(self, version: str, name: str = "") -> Path:
        """Return the local folder with a version's files, or one of its files.

        The embedded store's own files are returned, those of another store are downloaded.

        Args:
            version: of the registered model.
            name: path of one file in that folder; by default the whole folder.

        Raises:
            PixelgateError: the embedded store names a path outside its home.
        """
        # Not `models:/...`, which MLflow resolves by its global registry URI.
        uri = self.client.get_model_version_download_uri(self.home.name, version)
        if self.tracking_uri is None:
            return self.local_path(uri) / name
        return self._download(f"{uri}/{name}".rstrip("/"))

    def _download(self, uri: str) -> Path:
        import mlflow.artifacts

        # Kept for as long as the caller needs it, and removed by a later command.
        folder = str(new_scratch_folder(self.home))
        path = mlflow.artifacts.download_artifacts(
            uri, dst_path=folder, tracking_uri=self.uri, registry_uri=self.uri
        )
        return Path(path)

    def upload_model(self, model_id: str, folder: Path) -> None:
        """Copy a saved model's files to where MLflow expects those of a logged model."""
        if self.tracking_uri is not None:
            self.client.log_model_artifacts(model_id, str(folder))
            return
        target = self.local_path(self.client.get_logged_model(model_id).artifact_location)
        with atomic_folder(target) as unfinished:
            shutil.copytree(folder, unfinished, dirs_exist_ok=True)

    def upload_evidence(self, run_id: str, folder: Path, files: list[Path]) -> None:
        """Log files of a run's folder as artifacts of its MLflow run, at the same relative paths.

        Args:
            run_id: of the MLflow run.
            folder: the paths are relative to it.
            files: in that folder, or below it.
        """
        if self.tracking_uri is not None:
            for file in files:
                parent = file.parent.relative_to(folder).as_posix()
                self.client.log_artifact(run_id, str(file), None if parent == "." else parent)
            return
        target = self.local_path(self.client.get_run(run_id).info.artifact_uri)
        for file in files:
            with atomic_write(target / file.relative_to(folder)) as copy:
                shutil.copy2(file, copy)

    def evidence(self, run_id: str, name: str) -> Path | None:
        """Return a local path of an artifact of an MLflow run; None if the run has none such."""
        from mlflow.exceptions import MlflowException

        if self.tracking_uri is None:
            path = self.local_path(self.client.get_run(run_id).info.artifact_uri) / name
            return path if path.exists() else None
        folder = str(new_scratch_folder(self.home))
        try:
            return Path(self.client.download_artifacts(run_id, name, folder))
        except (MlflowException, OSError):
            shutil.rmtree(folder, ignore_errors=True)
            return None

    def local_path(self, uri: str) -> Path:
        """Return the path of an artifact of the embedded store.

        Raises:
            PixelgateError: the path is outside this home.
        """
        parts = urlsplit(uri)
        path = Path(unquote(parts.path))
        if parts.scheme == SCHEME:
            path = self.home.artifacts / unquote(parts.path).lstrip("/")
        # A copied database may name the folders of the home it came from, and other models' files.
        if not path.resolve().is_relative_to(self.home.artifacts.resolve()):
            raise PixelgateError(
                f"The store in {self.home.database} points outside its home, to {uri}. Nothing is"
                " read or written there. Restore the database of this home from a backup."
            )
        return path


@contextlib.contextmanager
def created_beside(store: ModelStore) -> Iterator[None]:
    """Create an embedded store that is missing, in a thread that ends with the block.

    That takes seconds. Whatever goes wrong goes wrong again, with a message, where it is used.
    """
    if store.exists:
        yield
        return

    def create() -> None:
        with contextlib.suppress(Exception):
            store.experiment(store.home.name)

    with ThreadPoolExecutor(1, "store") as thread:
        thread.submit(create)
        yield


def open_store(home: Home, settings: RegistryConfig) -> ModelStore:
    """Return a model's store: the one under its home, or the one in the settings."""
    return ModelStore(home, settings.tracking_uri, settings.without_champion)
