"""An inventory goes in; a small copy of its valid files, in split and class folders, comes out."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pandas as pd

from tasks.errors import UsageError
from tasks.inventory.columns import CONTRAST, GROUP, LABEL, PATH, SPLIT, TEST, TRAIN, VALIDATION
from tasks.inventory.columns import readable as readable_rows
from tasks.inventory.duplicates import MIN_VISIBLE_CONTRAST

if TYPE_CHECKING:
    from collections.abc import Collection

FILES_PER_CLASS, MIN_PER_CLASS = 40, 10
# Few classes with many files each: most rules need files to count, not classes.
MAX_CLASSES, MIN_FILES = 8, 160
SOURCE = "source"
# The splits of every ten files of a class.
PATTERN = (TRAIN,) * 6 + (VALIDATION,) * 2 + (TEST,) * 2


@dataclass(frozen=True)
class Sample:
    """A scratch copy of some of the data.

    Attributes:
        pristine: folder of untouched copies.
        work: a copy of that folder, in which faults are planted.
        files: path (split/class/name), split and label of each file.
    """

    pristine: Path
    work: Path
    files: pd.DataFrame

    def paths(self, split: str | None = None, label: str | None = None) -> list[str]:
        """Return the paths of a split, of a class, of a class in a split, or of all files."""
        rows = self.files
        if split is not None:
            rows = rows[rows[SPLIT] == split]
        if label is not None:
            rows = rows[rows[LABEL] == label]
        return [str(path) for path in rows[PATH]]

    @property
    def labels(self) -> list[str]:
        """The classes."""
        return sorted(self.files[LABEL].unique())

    def restore(self) -> None:
        """Undo all changes in the work folder; files that are unchanged are not copied again."""
        expected = set(self.files[PATH])
        for file in list(self.work.rglob("*")):
            if file.is_file() and file.relative_to(self.work).as_posix() not in expected:
                file.unlink()
        for path in expected:
            source, target = self.pristine / path, self.work / path
            if not target.exists() or _size_and_time(target) != _size_and_time(source):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        # In reverse, so that a folder comes after the folders in it.
        for folder in sorted(self.work.rglob("*"), reverse=True):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def take_sample(
    inventory: pd.DataFrame, root: Path, scratch: Path, *, without: Collection[str]
) -> Sample:
    """Copy some valid files of the largest classes.

    Args:
        inventory: as `take_inventory` returns it.
        root: the data folder; only read.
        scratch: an empty folder.
        without: paths of files that break a rule.

    Raises:
        UsageError: there are too few valid files for a drill.
    """
    valid = _valid_rows(inventory, without)
    sizes = valid[LABEL].value_counts()
    labels = sizes[sizes >= MIN_PER_CLASS].head(MAX_CLASSES).index
    if len(labels) < 2:  # noqa: PLR2004 - a classifier needs two classes
        raise UsageError(
            f"A drill needs at least two classes of {MIN_PER_CLASS} valid images. Found:"
            f" {', '.join(f'{label} {count}' for label, count in sizes.items()) or 'none'}."
        )
    per_class = max(FILES_PER_CLASS, MIN_FILES // len(labels))
    # All classes get as many files, so that the sample is balanced.
    files = _choose_files(valid, sorted(labels), min(per_class, int(sizes[labels].min())))
    sample = Sample(scratch / "pristine", scratch / "work", files)
    for source, path in files[[SOURCE, PATH]].itertuples(index=False):
        (sample.pristine / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / source, sample.pristine / path)
    sample.work.mkdir(parents=True)
    sample.restore()
    return sample


def _valid_rows(inventory: pd.DataFrame, without: Collection[str]) -> pd.DataFrame:
    rows = readable_rows(inventory)
    rows = rows[rows[CONTRAST].ge(MIN_VISIBLE_CONTRAST) & ~rows[PATH].isin(set(without))]
    # One of each group: copies would trip a rule before any fault is planted.
    return rows[~(rows[GROUP].notna() & rows.duplicated(GROUP))]


def _choose_files(valid: pd.DataFrame, labels: list[str], per_class: int) -> pd.DataFrame:
    rows = []
    for label in labels:
        available = valid.loc[valid[LABEL] == label, PATH]
        # Evenly spaced, as neighbours in a folder are often shots of one scene.
        step = len(available) / per_class
        for number in range(per_class):
            source = str(available.iloc[int(number * step)])
            split = PATTERN[number % len(PATTERN)]
            suffix = PurePosixPath(source).suffix
            rows.append((source, f"{split}/{label}/{number:03d}{suffix}", split, label))
    return pd.DataFrame(rows, columns=[SOURCE, PATH, SPLIT, LABEL])


def _size_and_time(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns
