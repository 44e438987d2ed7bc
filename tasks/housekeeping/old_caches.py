"""A home's caches go in; what was not used for long, or is too much, is removed."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import Timeout

from tasks.errors import RunInProgressError
from tasks.housekeeping.plan_records import CACHE, DAMAGED, GIB, Kept, Plan, Removal
from tasks.runs.result_store import folder_age
from tasks.runs.run_lock import run_lock
from tasks.storage.locks import file_lock
from tasks.storage.removal import REMOVED, delete_moved, disk_bytes, move_aside
from tasks.training.training_cache import training_lock
from tasks.validation.verdict import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.config.retention import HousekeepingConfig
    from tasks.storage.home import Home

DAY = 86_400.0
# What a command without a lock reads or writes just now; a scratch folder lives for a command.
IN_USE_SECONDS = 3600.0
DAMAGED_PATTERN = ".damaged-"
DATABASE_LOCK = "mlflow"


def cache_folders(home: Home) -> tuple[Path, ...]:
    """Return the folders whose entries are made again when they are needed."""
    return (
        *(home.decoded, home.features, home.trainings, home.trained, home.evaluated, home.judged),
        *(home.scratch, home.thumbnails),
    )


def plan_caches(home: Home, settings: HousekeepingConfig) -> Plan:
    """Return which cached results and damaged files are to go, and how many results stay."""
    found = (entry for folder in cache_folders(home) for entry in _entries(folder))
    entries = sorted(((folder_age(entry), entry) for entry in found), reverse=True)
    sizes = {entry: disk_bytes(entry) for _, entry in entries}
    filled, most = sum(sizes.values()), settings.cache_gib * GIB
    removals = []
    for age, entry in entries:
        reason = None
        if age > settings.cache_days * DAY:
            reason = f"not used for {age / DAY:.0f} days"
        elif filled > most:
            reason = f"the caches fill more than {settings.cache_gib:g} GiB"
        if reason is not None and age > IN_USE_SECONDS:
            filled -= sizes[entry]
            removals.append(_removal(home, CACHE, entry, sizes[entry], reason))
    removals += [
        _removal(home, DAMAGED, path, disk_bytes(path), f"set aside {days:.0f} days ago")
        for path, days in _damaged(home)
        if days > settings.damaged_days
    ]
    within = len(entries) - sum(each.kind == CACHE for each in removals)
    stay = Kept(CACHE, counted(within, "result"), "within cache_gib and cache_days")
    return Plan(tuple(removals), (stay,) if within else ())


def remove_caches(home: Home, removals: Sequence[Removal]) -> tuple[list[Removal], str | None]:
    """Remove cached results as planned, while no model is retrained.

    Returns:
        What was removed, and why all was left out, if it was.
    """
    paths = [(each, each.path) for each in removals if each.path is not None]
    if not paths:
        return [], None
    try:
        with ExitStack() as held:
            for name in _models_with_locks(home):
                held.enter_context(run_lock(home.renamed(name)))
            held.enter_context(file_lock(home.judged))
            # Only renamed under the locks, which takes a moment.
            gone = [each for each, path in paths if _move(home, path)]
    except RunInProgressError:
        return [], "a model is being retrained: the caches stay for now"
    delete_moved(path.parent for _, path in paths)
    return gone, None


def remove_damaged(removals: Sequence[Removal]) -> list[Removal]:
    """Remove damaged files, which nothing reads since they were set aside; return those gone."""
    for path in (each.path for each in removals if each.path is not None):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return [each for each in removals if each.path is None or not each.path.exists()]


def delete_what_kills_left(home: Home) -> None:
    """Free the space of what a process that was killed had moved aside."""
    delete_moved([home.runs, *(entry for entry in home.state.glob("*") if entry.is_dir())])


def _move(home: Home, path: Path) -> bool:
    with suppress(Timeout), ExitStack() as held:
        if path.parent in (home.trainings, home.trained):
            # A worker of a cluster trains without the model's lock.
            held.enter_context(training_lock(path).acquire(timeout=0))
        return move_aside(path)
    return False


def _entries(folder: Path) -> Iterator[Path]:
    """Yield what a cache holds: not locks, nor what is being removed or was set aside."""
    for entry in folder.glob("*"):
        is_own = entry.name == REMOVED or entry.name.startswith(DAMAGED_PATTERN)
        if not is_own and entry.suffix != ".lock":
            yield entry


def _damaged(home: Home) -> Iterator[tuple[Path, float]]:
    """Yield what was set aside as damaged under state/, and the days since."""
    for folder, folders, files in os.walk(home.state):
        for name in (*folders, *files):
            if name.startswith(DAMAGED_PATTERN):
                path = Path(folder, name)
                with suppress(OSError):
                    # Not the time of its content, which a rename leaves as it was.
                    yield path, (time.time() - path.lstat().st_ctime) / DAY
        folders[:] = [
            name
            for name in folders
            if not name.startswith(DAMAGED_PATTERN) and Path(folder, name) != home.artifacts
        ]


def _models_with_locks(home: Home) -> list[str]:
    """Return the models, and searches of settings, that were ever run in a home."""
    names = (file.stem for file in home.state.glob("[!.]*.lock"))
    return sorted(name for name in names if name != DATABASE_LOCK)


def _removal(home: Home, kind: str, path: Path, size: int, reason: str) -> Removal:
    return Removal(kind, path.relative_to(home.root).as_posix(), size, reason, path)
