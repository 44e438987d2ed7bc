"""Results that are kept: written with a checksum, and verified before they are believed.

A folder carries the checksums of its files in `checksums.json`; a JSON or Parquet file carries the
checksum of its content. What doesn't match is set aside, named in a warning, and made again where
it can be.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import uuid
from typing import TYPE_CHECKING, Any

from tasks.errors import DamagedFileError
from tasks.storage.atomic import CHECKSUMS, write_json, write_parquet
from tasks.storage.hashing import digest, file_digest

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

CHECKSUM = "sha256"

log = logging.getLogger("pixelgate")


def damage_of(folder: Path) -> str | None:
    """Return what is wrong with a sealed folder, naming the file; None if all is as it was written.

    Files that were added since are not looked at.
    """
    try:
        checksums: dict[str, str] = json.loads((folder / CHECKSUMS).read_text("utf-8"))
        for name, expected in checksums.items():
            if file_digest(folder / name) != expected:
                return f"the content of {name} changed since it was written"
    except (OSError, ValueError, AttributeError) as error:
        return str(error)
    return None


def believe_folder(folder: Path) -> bool:
    """Tell whether a sealed folder can be used; one that is damaged is set aside with a warning."""
    if not folder.is_dir():
        return False
    damage = damage_of(folder)
    if damage is not None:
        set_aside(folder, damage)
    return damage is None


def set_aside(path: Path, damage: str) -> Path | None:
    """Rename what can't be believed, so that it is neither used nor lost; warn of it.

    Returns:
        The new path; None where it could not be renamed.
    """
    aside = path.with_name(f".damaged-{uuid.uuid4().hex[:8]}.{path.name}")
    try:
        path.rename(aside)
    except OSError as error:
        log.warning("%s is damaged and not used (%s); it can't be renamed: %s", path, damage, error)
        return None
    log.warning("%s is damaged and not used (%s); it was renamed to %s", path, damage, aside.name)
    return aside


def write_checked_json(path: Path, content: dict[str, Any]) -> Path:
    """Write a JSON object with the checksum of its content."""
    return write_json(path, {**content, CHECKSUM: digest(content)})


def read_checked_json(path: Path) -> dict[str, Any]:
    """Read what `write_checked_json` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedFileError: it is torn, or its content is not what was written.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
        expected = content.pop(CHECKSUM)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise DamagedFileError(path, f"it can't be read ({error!r})") from None
    if digest(content) != expected:
        raise DamagedFileError(path, "its content changed since it was written")
    return content


def believe_json(path: Path) -> dict[str, Any] | None:
    """Read what `write_checked_json` wrote; None if there is none, or a damaged one, set aside."""
    try:
        return read_checked_json(path)
    except FileNotFoundError:
        return None
    except DamagedFileError as error:
        set_aside(path, error.problem)
        return None


def write_checked_parquet(path: Path, frame: pd.DataFrame) -> Path:
    """Write a frame with the checksum of its rows."""
    sealed = frame.copy(deep=False)
    sealed.attrs = {**frame.attrs, CHECKSUM: rows_digest(frame)}
    return write_parquet(path, sealed)


def read_checked_parquet(path: Path) -> pd.DataFrame:
    """Read what `write_checked_parquet` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedFileError: it is torn, or its rows are not those that were written.
    """
    import pandas as pd

    try:
        # In one piece: a reader of the path would open it twice, before and after another process
        # has replaced it.
        frame = pd.read_parquet(io.BytesIO(path.read_bytes()))
    except FileNotFoundError:
        raise
    except Exception as error:  # noqa: BLE001 - a torn file raises anything
        raise DamagedFileError(path, f"it can't be read ({error})") from None
    if frame.attrs.pop(CHECKSUM, None) != rows_digest(frame):
        raise DamagedFileError(path, "its content changed since it was written")
    return frame


def believe_parquet(path: Path) -> pd.DataFrame | None:
    """Read what `write_checked_parquet` wrote; None if there is none, or a damaged one."""
    try:
        return read_checked_parquet(path)
    except FileNotFoundError:
        return None
    except DamagedFileError as error:
        set_aside(path, error.problem)
        return None


def rows_digest(frame: pd.DataFrame) -> str:
    """Return the SHA-256, in hexadecimal, of a frame's columns and rows."""
    import pandas as pd

    hasher = hashlib.sha256("\x1f".join(map(str, frame.columns)).encode())
    hasher.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return hasher.hexdigest()
