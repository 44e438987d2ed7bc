"""A store goes in; what answers for the champion comes out: its ONNX file, or its .keras file.

The embedded store is read with sqlite3: MLflow takes two seconds to import, longer than all else
that a first answer needs. Whatever can't be read that way is asked of MLflow.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from tasks.errors import PixelgateError
from tasks.exports.export_record import EXPORTS, NAMES, ONNX, tag_of
from tasks.registry.mlflow_store import CHAMPION
from tasks.storage.hashing import file_digest

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.registry.mlflow_store import ModelStore

QUERY = """
SELECT versions.version, coalesce(nullif(versions.storage_location, ''), versions.source)
FROM registered_model_aliases AS aliases
JOIN model_versions AS versions
  ON versions.name = aliases.name AND versions.version = aliases.version
WHERE aliases.name = ? AND aliases.alias = ?
"""
TAG_QUERY = "SELECT value FROM model_version_tags WHERE name = ? AND version = ? AND key = ?"

log = logging.getLogger("pixelgate")


@dataclass(frozen=True)
class ServedOnnx:
    """The champion's ONNX file, whose content is the one that was registered.

    Attributes:
        version: of the registered model.
        file: .onnx file.
    """

    version: str
    file: Path


def find_onnx(store: ModelStore) -> ServedOnnx | None:
    """Return the champion's ONNX file; None if there is no champion, or it has no such file.

    One that is missing or not what was registered is not used, with a warning.
    """
    found = _ask_sqlite(store) if _is_embedded(store) else _ask_mlflow(store)
    if found is None or found.sha256 is None:
        return None
    try:
        file = _file_of(store, found)
        if file_digest(file) == found.sha256:
            return ServedOnnx(found.version, file)
        problem = "its content changed since it was registered"
    except PixelgateError:
        raise
    # A missing file, and whatever MLflow raises while it downloads one.
    except Exception as error:  # noqa: BLE001 - the .keras file answers in its stead
        problem = str(error)
    log.warning("the ONNX file of version %s is not used: %s", found.version, problem)
    return None


@dataclass(frozen=True)
class _Found:
    """The champion, as the registry knows it.

    Attributes:
        version: of the registered model.
        sha256: of its ONNX file; None if it has none.
        location: of its files, for the embedded store; None if MLflow must be asked.
    """

    version: str
    sha256: str | None
    location: str | None = None


def _is_embedded(store: ModelStore) -> bool:
    return store.tracking_uri is None and not store.without_champion


def _ask_sqlite(store: ModelStore) -> _Found | None:
    if not store.exists:
        return None
    name, uri = store.home.name, f"file:{quote(str(store.home.database.absolute()))}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as database:
            champion = database.execute(QUERY, (name, CHAMPION)).fetchone()
            if champion is None:
                return None
            version, location = champion
            tag = database.execute(TAG_QUERY, (name, version, tag_of(ONNX))).fetchone()
    except sqlite3.Error:
        # A damaged database, which is explained elsewhere, or tables of another MLflow.
        return _ask_mlflow(store)
    return _Found(str(version), tag and str(tag[0]), str(location))


def _ask_mlflow(store: ModelStore) -> _Found | None:
    version = store.version_by_alias(CHAMPION) if store.exists else None
    if version is None:
        return None
    return _Found(str(version.version), version.tags.get(tag_of(ONNX)))


def _file_of(store: ModelStore, found: _Found) -> Path:
    name = f"{EXPORTS}/{NAMES[ONNX]}"
    if found.location is None:
        return store.model_path(found.version, name)
    return store.local_path(found.location) / name
