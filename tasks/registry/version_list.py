"""A store goes in; its versions, as people want to see them, come out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tasks.registry.by_hand import failed_checks
from tasks.registry.mlflow_store import CHECKSUM_TAG, MISSING
from tasks.runs.provenance import OUTCOME_TAG, RUN_TAG

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

    from tasks.registry.mlflow_store import ModelStore


@dataclass(frozen=True)
class VersionRow:
    """A version of the registered model.

    Attributes:
        version: its number.
        aliases: champion, challenger, previous or others.
        outcome: of the run that made it; None for one that is in progress.
        accuracy: on the test split of its run; None if it was not logged.
        created: UTC, ISO 8601.
        run: id of the run that made it.
        data_fingerprint: of the data it was trained on.
        model_sha256: of its .keras file.
        failed: the model gate's checks that it failed, one sentence each.
    """

    version: str
    aliases: tuple[str, ...]
    outcome: str | None
    accuracy: float | None
    created: str
    run: str | None
    data_fingerprint: str | None
    model_sha256: str | None
    failed: tuple[str, ...]


def list_versions(store: ModelStore) -> list[VersionRow]:
    """Return every version of the model, the newest first; none if there is no store yet."""
    if not store.exists:
        return []
    aliases = _aliases(store)
    if aliases is None:
        return []
    versions = store.client.search_model_versions(f"name = '{store.home.name}'")
    experiment = store.client.get_experiment_by_name(store.home.name)
    runs = store.client.search_runs([experiment.experiment_id]) if experiment else []
    accuracy = {run.info.run_id: run.data.metrics.get("accuracy") for run in runs}
    rows = [_row(version, aliases, accuracy.get(version.run_id)) for version in versions]
    return sorted(rows, key=lambda row: int(row.version), reverse=True)


def _aliases(store: ModelStore) -> dict[str, str] | None:
    """Return the version of each alias; None if the model was never registered."""
    from mlflow.exceptions import MlflowException

    try:
        model = store.client.get_registered_model(store.home.name)
    except MlflowException as error:
        if error.error_code in MISSING:
            return None
        raise
    return {alias: str(version) for alias, version in model.aliases.items()}


def _row(version: ModelVersion, aliases: dict[str, str], accuracy: float | None) -> VersionRow:
    tags = version.tags
    created = datetime.fromtimestamp(version.creation_timestamp / 1000, UTC)
    return VersionRow(
        version=str(version.version),
        aliases=tuple(sorted(name for name, of in aliases.items() if of == str(version.version))),
        outcome=tags.get(OUTCOME_TAG),
        accuracy=accuracy,
        created=created.isoformat(timespec="seconds"),
        run=tags.get(RUN_TAG),
        data_fingerprint=tags.get("pixelgate.data_fingerprint"),
        model_sha256=tags.get(CHECKSUM_TAG),
        failed=failed_checks(version),
    )
