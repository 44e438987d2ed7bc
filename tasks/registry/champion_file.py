"""A model and a version go in; what is wrong with the version's file comes out, if anything.

The embedded store is read with sqlite3, as MLflow takes two seconds to import, and whoever watches
production asks every few seconds.
"""

from __future__ import annotations

import functools
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from tasks.errors import PixelgateError
from tasks.registry.mlflow_store import CHECKSUM_TAG, ModelStore
from tasks.storage.hashing import file_digest

if TYPE_CHECKING:
    from tasks.storage.home import Home

QUERY = """
SELECT coalesce(nullif(versions.storage_location, ''), versions.source), tags.value
FROM model_versions AS versions
LEFT JOIN model_version_tags AS tags
  ON tags.name = versions.name AND tags.version = versions.version AND tags.key = ?
WHERE versions.name = ? AND versions.version = ?
"""


def damage_of_version(home: Home, version: str) -> str | None:
    """Return what is wrong with the .keras file of a version; None if it is what was registered.

    The file is looked for each time, and read only if its size or its time of change is new.
    Of a store elsewhere, and of a database that can't be read, nothing is said here.

    Args:
        home: of the model.
        version: of the registered model, in the embedded store.
    """
    found = _registered(home, version)
    if found is None:
        return None
    location, sha256 = found
    try:
        folder = ModelStore(home).local_path(location)
        file = next(folder.rglob("*.keras"), None)
        if file is None:
            return f"there is no model file in {folder}"
        state = file.stat()
        content = _digest(str(file), state.st_size, state.st_mtime_ns)
    except (OSError, PixelgateError) as error:
        return f"its model file can't be read: {error}"
    if sha256 not in (None, content):
        return f"the content of {file} changed since it was registered"
    return None


def _registered(home: Home, version: str) -> tuple[str, str | None] | None:
    """Return where the files of a version are, and the hash that was registered."""
    if not home.database.exists():
        return None
    uri = f"file:{quote(str(home.database.absolute()))}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as database:
            row = database.execute(QUERY, (CHECKSUM_TAG, home.name, version)).fetchone()
    except sqlite3.Error:
        return None
    return (str(row[0]), row[1]) if row is not None and row[0] else None


@functools.lru_cache(maxsize=256)
def _digest(file: str, size: int, changed: int) -> str:
    """Return the hash of a file as it was at a time of change."""
    del size, changed
    return file_digest(Path(file))
