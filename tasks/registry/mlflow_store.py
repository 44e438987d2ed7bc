"""The store of models: MLflow clients with an explicit address, and where the files are.

MLflow's global tracking URI is neither read nor set. The embedded store's artifact locations are
`mlflow-artifacts:/...`, relative to the home's artifact folder, so that a home can be moved; MLflow
shows them with `mlflow server --backend-store-uri sqlite:///<home>/state/mlflow.db
--artifacts-destination <home>/state/mlflow-artifacts`.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from tasks.errors import PixelgateError
from tasks.storage.atomic import atomic_folder

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

    from tasks.config.schema import RetrainConfig
    from tasks.storage.home import Home

CHAMPION, CHALLENGER = "champion", "challenger"
SCHEME = "mlflow-artifacts"
MISSING = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


@dataclass(frozen=True)
class ModelStore:
    """MLflow's tracking store and model registry, as one home uses them.

    Attributes:
        home: names the model, and holds the embedded store.
        tracking_uri: of another MLflow store; None for the embedded one.
    """

    home: Home
    tracking_uri: str | None = None

    @property
    def exists(self) -> bool:
        """Whether there can be anything in it; the embedded one is made when first needed."""
        return self.tracking_uri is not None or self.home.database.exists()

    @property
    def uri(self) -> str:
        """Address of the store, as MLflow takes it."""
        return self.tracking_uri or f"sqlite:///{self.home.database}"

    @functools.cached_property
    def client(self) -> MlflowClient:
        """MLflow's client for tracking and registry both."""
        from mlflow import MlflowClient

        if self.tracking_uri is None:
            self.home.state.mkdir(parents=True, exist_ok=True)
        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    def experiment(self, name: str) -> str:
        """Return the id of an experiment; it is created if need be."""
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        location = f"{SCHEME}:/{name}" if self.tracking_uri is None else None
        return str(self.client.create_experiment(name, artifact_location=location))

    def version_by_alias(self, alias: str) -> ModelVersion | None:
        """Return the version of this model with an alias; None if there is none."""
        from mlflow.exceptions import MlflowException

        try:
            return self.client.get_model_version_by_alias(self.home.name, alias)
        except MlflowException as error:
            if error.error_code in MISSING:
                return None
            raise

    def folder_of(self, version: str) -> Path:
        """Return the local folder with a version's files, fetched if the store is elsewhere."""
        if self.tracking_uri is None:
            uri = self.client.get_model_version_download_uri(self.home.name, version)
            return self._local(uri)
        return self._fetched(version)

    def _fetched(self, version: str) -> Path:
        import mlflow.artifacts

        folder = mlflow.artifacts.download_artifacts(
            f"models:/{self.home.name}/{version}",
            tracking_uri=self.uri,
            registry_uri=self.uri,
            dst_path=tempfile.mkdtemp(prefix="pixelgate-model-"),
        )
        return Path(folder)

    def upload_model(self, model_id: str, folder: Path) -> None:
        """Put a saved model's files where MLflow expects those of a logged model."""
        if self.tracking_uri is not None:
            self.client.log_model_artifacts(model_id, str(folder))
            return
        target = self._local(self.client.get_logged_model(model_id).artifact_location)
        with atomic_folder(target) as unfinished:
            shutil.copytree(folder, unfinished, dirs_exist_ok=True)

    def upload_evidence(self, run_id: str, folder: Path, files: list[Path]) -> None:
        """Put files of a run's folder beside its MLflow run, at the same relative paths."""
        for file in files:
            place = file.parent.relative_to(folder).as_posix()
            if self.tracking_uri is not None:
                self.client.log_artifact(run_id, str(file), None if place == "." else place)
                continue
            target = self._local(self.client.get_run(run_id).info.artifact_uri) / place
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, target)

    def _local(self, uri: str) -> Path:
        """Return where the embedded store keeps what a URI names.

        Raises:
            PixelgateError: that is outside this home.
        """
        parts = urlsplit(uri)
        path = Path(unquote(parts.path))
        if parts.scheme == SCHEME:
            path = self.home.artifacts / unquote(parts.path).lstrip("/")
        if not path.resolve().is_relative_to(self.home.artifacts.resolve()):
            raise PixelgateError(
                f"The store in {self.home.database} points outside its home, to {uri}. Nothing is"
                " read or written there. Restore the database of this home from a backup."
            )
        return path


def open_store(config: RetrainConfig) -> ModelStore:
    """Return the store of a model, as its settings say."""
    return ModelStore(config.paths, config.registry.tracking_uri)
