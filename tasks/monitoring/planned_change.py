"""A change of champion that nobody has made yet goes in; what it would do comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.errors import UsageError
from tasks.monitoring.run_settings import settings_of, store_of
from tasks.registry.by_hand import failed_checks, find_version, require_models, rollback_target
from tasks.registry.production import champion_in_registry
from tasks.registry.version_list import list_versions

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.config.schema import RetrainConfig
    from tasks.registry.mlflow_store import ModelStore
    from tasks.storage.home import Home


@dataclass(frozen=True)
class PlannedChange:
    """What would change.

    Attributes:
        before: the version in production; None if there is none.
        before_accuracy: on the test images of its run; None if it was not logged.
        version: that would take its place.
        accuracy: likewise.
        outcome: of the run that made the version.
        overruled: the model gate's checks that it failed, one sentence each.
        golden: the folder of images that it must not miss; None where none is set.
    """

    before: str | None
    before_accuracy: float | None
    version: str
    accuracy: float | None
    outcome: str | None
    overruled: tuple[str, ...]
    golden: Path | None

    @property
    def changes_nothing(self) -> bool:
        """Whether that version is in production already."""
        return self.version == self.before


def plan_promotion(home: Home, version: str) -> PlannedChange:
    """Return what a promotion would change.

    Raises:
        UsageError: there is no such version.
        PixelgateError: the settings or the store can't be read.
    """
    settings = settings_of(home)
    store = store_of(settings)
    found = find_version(store, _named(version))
    return _plan(store, settings, str(found.version), failed_checks(found))


def plan_rollback(home: Home, to: str | None) -> PlannedChange:
    """Return what a rollback would change.

    Raises:
        UsageError: that version was never in production, or none was.
        PixelgateError: the settings or the store can't be read.
    """
    settings = settings_of(home)
    store = store_of(settings)
    require_models(store)
    # What it failed was overruled when it was promoted.
    target = rollback_target(store, to, champion_in_registry(store))
    return _plan(store, settings, str(target.version), ())


def _plan(
    store: ModelStore, settings: RetrainConfig, after: str, overruled: tuple[str, ...]
) -> PlannedChange:
    rows = {row.version: row for row in list_versions(store)}
    before = champion_in_registry(store)
    return PlannedChange(
        before=before,
        before_accuracy=rows[before].accuracy if before in rows else None,
        version=after,
        accuracy=rows[after].accuracy if after in rows else None,
        outcome=rows[after].outcome if after in rows else None,
        overruled=overruled,
        golden=settings.evaluation.golden_dir,
    )


def _named(version: str) -> str:
    if not version.strip():
        raise UsageError("Choose a version.")
    return version.strip()
