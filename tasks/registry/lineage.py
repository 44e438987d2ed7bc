"""A version, a run or an image goes in; what was trained on what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks.errors import UsageError
from tasks.inventory.columns import LABEL, PATH, PIXEL_HASH, SHA256, SPLIT, TEST
from tasks.inventory.image_file import read_images
from tasks.registry.by_hand import find_version, require_models
from tasks.runs.provenance import RUN_TAG
from tasks.runs.run_folder import INVENTORY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlflow.entities.model_registry import ModelVersion

    from tasks.registry.mlflow_store import ModelStore

INDEX = "index.parquet"
COLUMNS = [PATH, LABEL, SPLIT, SHA256, PIXEL_HASH]


@dataclass(frozen=True)
class Origin:
    """What a version was made of.

    Attributes:
        version: its number.
        run: id of the run that made it.
        provenance: the version's tags: data, recipe, code, commit, overrides.
        images: path, label, split, sha256 and pixel_hash of every image the run used; None if they
            are not kept.
    """

    version: str
    run: str | None
    provenance: dict[str, str]
    images: pd.DataFrame | None

    @property
    def counts(self) -> dict[str, int]:
        """Number of images by split."""
        if self.images is None:
            return {}
        return {str(split): int(n) for split, n in self.images[SPLIT].value_counts().items()}


def trace_model(store: ModelStore, name: str) -> Origin:
    """Return what a version was made of.

    Args:
        store: of the model.
        name: number or alias of the version, or the id of the run that made it.

    Raises:
        UsageError: there is no such version or run.
    """
    require_models(store)
    made = _versions(store, f"tags.`{RUN_TAG}` = '{name}'") if "'" not in name else []
    return _origin(store, made[0] if made else find_version(store, name))


def trace_image(store: ModelStore, file: Path, *, max_pixels: int) -> list[dict[str, Any]]:
    """Return what each version knew of an image, whatever its name was: one row per version.

    Args:
        store: of the model.
        file: the image, wherever it is now.
        max_pixels: an image that declares more is only looked for by its bytes.

    Returns:
        Rows of version, run, split (train, validation or test; None if the version never saw it),
        match (same file, or same pixels in another file), path and label at that time; the newest
        version first. A version whose evidence is lost has the split "not kept".

    Raises:
        UsageError: the file can't be read, or there are no models.
    """
    require_models(store)
    read = read_images(str(file.parent), [file.name], max_pixels)[0]
    if SHA256 not in read:
        raise UsageError(f"{file} can't be read: {read['error']}.")
    rows = [_seen(_origin(store, version), read) for version in _versions(store)]
    return sorted(rows, key=lambda row: int(row["version"]), reverse=True)


def trained_on(store: ModelStore, version: str) -> frozenset[str] | None:
    """Return the SHA-256 of every image a version was trained on; None if that is not kept."""
    images = _origin(store, find_version(store, version)).images
    if images is None:
        return None
    return frozenset(images.loc[images[SPLIT] != TEST, SHA256].dropna())


def evaluated_on(store: ModelStore, version: str) -> frozenset[str] | None:
    """Return the SHA-256 of every image a version was tested on; None if that is not kept."""
    images = _origin(store, find_version(store, version)).images
    if images is None:
        return None
    return frozenset(images.loc[images[SPLIT] == TEST, SHA256].dropna())


def _versions(store: ModelStore, condition: str = "") -> list[ModelVersion]:
    query = f"name = '{store.home.name}'" + (f" and {condition}" if condition else "")
    return list(store.client.search_model_versions(query))


def _origin(store: ModelStore, version: ModelVersion) -> Origin:
    return Origin(
        version=str(version.version),
        run=version.tags.get(RUN_TAG),
        provenance={
            key: value
            for key, value in sorted(version.tags.items())
            if not key.startswith("pixelgate.check.")
        },
        images=_images(store, str(version.run_id)),
    )


def _images(store: ModelStore, mlflow_run: str) -> pd.DataFrame | None:
    """Return the images a run used: of its inventory, those its index has."""
    files = [store.evidence(mlflow_run, name) for name in (INVENTORY, INDEX)]
    if None in files:
        return None
    inventory, index = (pd.read_parquet(file) for file in files if file is not None)
    # The index is without what the data gate left out.
    return inventory.loc[inventory[PATH].isin(index[PATH]), COLUMNS].reset_index(drop=True)


def _seen(origin: Origin, read: Mapping[str, Any]) -> dict[str, Any]:
    images = origin.images
    row = {"version": origin.version, "run": origin.run, "split": None, "match": None}
    row |= {"path": None, "label": None}
    if images is None:
        return row | {"split": "not kept"}
    for column, match in ((SHA256, "same file"), (PIXEL_HASH, "same pixels")):
        found = images[images[column].notna() & (images[column] == read.get(column))]
        if not found.empty:
            seen = {name: str(found.iloc[0][name]) for name in (SPLIT, PATH, LABEL)}
            return row | seen | {"match": match}
    return row
