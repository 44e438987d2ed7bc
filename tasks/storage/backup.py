"""A home goes in; one archive of everything production needs comes out, and back.

The archive holds a consistent copy of the model store with the files of its versions, baselines,
split ledgers, quarantine, overrides, decisions, alarms, results of drills and the summaries of
runs. What can be computed again (caches, trainings in progress) is left out.
"""

from __future__ import annotations

import logging
import shutil
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from tasks.errors import PixelgateError, UsageError
from tasks.storage.atomic import atomic_write, write_checksums
from tasks.storage.checked import damage_of
from tasks.storage.writable_home import require_writable

if TYPE_CHECKING:
    from tasks.storage.home import Home

# Relative to home; `**` files are found below.
KEPT = (
    "state/mlflow-artifacts/**/*",
    "state/baselines/**/*",
    "state/inventory/*.splits.parquet",
    "state/quarantine/*.json",
    "state/overrides/*.json",
    "state/ledger/*.jsonl",
    "state/drills/*.json",
    "runs/*/*.json",
    "runs/*/number",
)
DATABASE = PurePosixPath("state/mlflow.db")

log = logging.getLogger("pixelgate")


def back_up(home: Home, archive: Path) -> int:
    """Write an archive; runs may go on meanwhile.

    Args:
        home: what is backed up, with every model in it.
        archive: .tar file to write, whole or not at all.

    Returns:
        How many files it holds.

    Raises:
        PixelgateError: there is no store to back up.
    """
    if not home.database.exists():
        raise PixelgateError(
            f"There is nothing to back up in {home.root}: no {DATABASE}. Check --home."
        )
    with tempfile.TemporaryDirectory(prefix="pixelgate-backup-") as folder:
        copy = Path(folder)
        # First the database: files that versions point at are written before the versions.
        _copy_database(home.database, copy / DATABASE)
        _copy_alarms(home, copy)
        for pattern in KEPT:
            for file in home.root.glob(pattern):
                if file.is_file() and not _is_temporary(file.relative_to(home.root)):
                    target = copy / file.relative_to(home.root)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(file, target)
        write_checksums(copy)
        files = sorted(file for file in copy.rglob("*") if file.is_file())
        with atomic_write(archive) as unfinished, tarfile.open(unfinished, "w") as tar:
            for file in files:
                tar.add(file, file.relative_to(copy).as_posix())
    return len(files) - 1


def restore(home: Home, archive: Path) -> Path | None:
    """Put an archive's content into a home; what was there is set aside, not removed.

    Args:
        home: may be new, or hold a damaged store.
        archive: as `back_up` wrote it.

    Returns:
        Where the state that was there before is now; None if there was none.

    Raises:
        UsageError: there is no such archive, it is not one of ours, or the home can't be written.
        PixelgateError: the archive is damaged; nothing was changed.
    """
    require_writable(home)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=home.root) as folder:
        copy = Path(folder) / "content"
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(copy, filter="data")
        except FileNotFoundError:
            raise UsageError(f"No such archive: {archive}.") from None
        except (OSError, tarfile.TarError) as error:
            raise PixelgateError(f"{archive} can't be read as a backup: {error}.") from None
        damage = damage_of(copy) or (None if (copy / DATABASE).exists() else "no database in it")
        if damage is not None:
            raise PixelgateError(
                f"{archive} is damaged ({damage}). Nothing was changed; use another backup."
            )
        aside = _set_state_aside(home)
        (copy / "state").rename(home.state)
        _merge_runs(copy / "runs", home.runs)
    return aside


def _copy_database(database: Path, target: Path) -> None:
    """Copy an SQLite database by its own means, which see what other processes write."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
    except sqlite3.DatabaseError as error:
        raise PixelgateError(
            f"{database} can't be copied: {error}. It is damaged; `pixelgate restore ARCHIVE` puts"
            " an earlier backup in its place."
        ) from None


def _copy_alarms(home: Home, copy: Path) -> None:
    """Copy the database of alarms, without which each receiver would be told anew."""
    if not home.alarms.exists():
        return
    try:
        _copy_database(home.alarms, copy / home.alarms.relative_to(home.root))
    except PixelgateError as error:
        # It must not keep the models from being saved.
        log.warning("the backup is without alarms: %s", error)
        (copy / home.alarms.relative_to(home.root)).unlink(missing_ok=True)


def _is_temporary(relative: Path) -> bool:
    return any(part.startswith(".") for part in relative.parts)


def _set_state_aside(home: Home) -> Path | None:
    if not home.state.exists():
        return None
    aside = home.root / f"state-before-restore-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    home.state.rename(aside)
    return aside


def _merge_runs(source: Path, target: Path) -> None:
    """Add the summaries of runs this home doesn't have; evidence that is there stays."""
    target.mkdir(exist_ok=True)
    for folder in source.glob("*") if source.exists() else ():
        if not (target / folder.name).exists():
            folder.rename(target / folder.name)
