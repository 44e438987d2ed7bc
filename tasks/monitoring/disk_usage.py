"""A home goes in; what fills its disk, by kind, comes out."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.storage.removal import disk_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.storage.home import Home

KEPT_SECONDS = 60.0
RUNS, SCORES, MODELS, CACHES, DATABASES, OTHER = (
    *("runs", "scores", "models", "caches", "databases", "other"),
)
KINDS = (RUNS, SCORES, MODELS, CACHES, DATABASES, OTHER)

_known: dict[Path, tuple[float, DiskUsage]] = {}


@dataclass(frozen=True)
class DiskUsage:
    """What fills a home's disk.

    Attributes:
        kinds: bytes by kind: runs, scores, models, caches, databases, other.
        free: bytes that the disk has left.
        size: of the disk, bytes.
    """

    kinds: dict[str, int]
    free: int
    size: int

    @property
    def total(self) -> int:
        """The bytes of the whole home."""
        return sum(self.kinds.values())


def disk_usage(home: Home) -> DiskUsage:
    """Return what fills a home's disk; asked again within a minute, the same answer."""
    moment, usage = _known.get(home.root, (0.0, None))
    if usage is None or time.monotonic() - moment > KEPT_SECONDS:
        usage = measure_disk(home)
        _known[home.root] = time.monotonic(), usage
    return usage


def measure_disk(home: Home) -> DiskUsage:
    """Return what fills a home's disk now; a home of many files takes seconds."""
    kinds = dict.fromkeys(KINDS, 0)
    for kind, path in _parts(home):
        # Its target, as a large part of a home may be a link to another disk.
        kinds[kind] += disk_bytes(path.resolve())
    nearest = next(each for each in (home.root, *home.root.absolute().parents) if each.exists())
    disk = shutil.disk_usage(nearest)
    return DiskUsage(kinds, disk.free, disk.total)


def _parts(home: Home) -> list[tuple[str, Path]]:
    """Return each entry of a home and of its state, once, with its kind."""
    entries = [entry for entry in home.root.glob("*") if entry != home.state]
    entries += home.state.glob("*")
    return [(_kind_of(home, entry), entry) for entry in entries]


def _kind_of(home: Home, entry: Path) -> str:
    by_path = {
        home.runs: RUNS,
        home.scores.parent: SCORES,
        home.artifacts: MODELS,
        home.services: DATABASES,
    }
    caches = (
        *(home.decoded, home.features, home.trainings, home.trained, home.evaluated, home.judged),
        *(home.scratch, home.thumbnails, home.inventory, home.pretrained, home.hardware),
    )
    if entry in caches:
        return CACHES
    # With the files that SQLite keeps beside a database.
    if entry.name.startswith((home.database.name, home.alarms.name)):
        return DATABASES
    return by_path.get(entry, OTHER)
