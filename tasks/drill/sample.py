"""An inventory goes in; a small copy of its sound files, laid out in split and class folders."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pandas as pd

from tasks.errors import UsageError
from tasks.inventory.columns import CONTRAST, GROUP, LABEL, PATH, TEST, TRAIN, VALIDATION
from tasks.inventory.columns import readable as readable_rows
from tasks.inventory.duplicates import MIN_VISIBLE_CONTRAST

if TYPE_CHECKING:
    from collections.abc import Collection

FILES_A_CLASS, FEWEST_A_CLASS = 40, 10
MOST_CLASSES, FILES_WANTED = 8, 160
# Of ten files of a class.
PATTERN = (TRAIN,) * 6 + (VALIDATION,) * 2 + (TEST,) * 2


@dataclass(frozen=True)
class Sample:
    """A scratch copy of some of the data.

    Attributes:
        pristine: folder that is never touched.
        work: a copy of it, for faults.
        files: path (split/class/name), split and label of each file.
    """

    pristine: Path
    work: Path
    files: pd.DataFrame

    def of(self, split: str | None = None, label: str | None = None) -> list[str]:
        """Return the paths of a split, of a class, or of both."""
        rows = self.files
        if split is not None:
            rows = rows[rows["split"] == split]
        if label is not None:
            rows = rows[rows["label"] == label]
        return [str(path) for path in rows["path"]]

    @property
    def labels(self) -> list[str]:
        """The classes."""
        return sorted(self.files["label"].unique())

    def restore(self) -> None:
        """Make the work folder as it was; a file that was not touched stays the same file."""
        expected = set(self.files["path"])
        for file in list(self.work.rglob("*")):
            if file.is_file() and file.relative_to(self.work).as_posix() not in expected:
                file.unlink()
        for path in expected:
            source, place = self.pristine / path, self.work / path
            before = source.stat()
            if not place.exists() or (
                (place.stat().st_size, place.stat().st_mtime_ns)
                != (before.st_size, before.st_mtime_ns)
            ):
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, place)
        for folder in sorted(self.work.rglob("*"), reverse=True):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def take_sample(
    inventory: pd.DataFrame, root: Path, scratch: Path, *, without: Collection[str]
) -> Sample:
    """Copy some sound files of the largest classes.

    Args:
        inventory: as `take_inventory` returns it.
        root: the data folder; only read.
        scratch: an empty folder.
        without: paths that broke a rule.

    Raises:
        UsageError: there are too few sound files for a drill.
    """
    sound = readable_rows(inventory)
    sound = sound[sound[CONTRAST].ge(MIN_VISIBLE_CONTRAST) & ~sound[PATH].isin(set(without))]
    # One of each group, as copies would trip a rule before any fault is planted.
    sound = sound[~(sound[GROUP].notna() & sound.duplicated(GROUP))]
    sizes = sound[LABEL].value_counts()
    labels = sizes[sizes >= FEWEST_A_CLASS].head(MOST_CLASSES).index
    if len(labels) < 2:  # noqa: PLR2004 - a classifier's least
        raise UsageError(
            f"A drill needs two classes of {FEWEST_A_CLASS} sound images at least. Found:"
            f" {', '.join(f'{label} {count}' for label, count in sizes.items()) or 'none'}."
        )
    wanted = max(FILES_A_CLASS, FILES_WANTED // len(labels))
    each = min(wanted, int(sizes[labels].min()))
    rows = []
    for label in sorted(labels):
        chosen = sound.loc[sound[LABEL] == label, PATH]
        step = len(chosen) / each
        for number in range(each):
            source = str(chosen.iloc[int(number * step)])
            split = PATTERN[number % len(PATTERN)]
            suffix = PurePosixPath(source).suffix
            rows.append((source, f"{split}/{label}/{number:03d}{suffix}", split, label))
    files = pd.DataFrame(rows, columns=["source", "path", "split", "label"])
    sample = Sample(scratch / "pristine", scratch / "work", files)
    for source, path in files[["source", "path"]].itertuples(index=False):
        (sample.pristine / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / source, sample.pristine / path)
    sample.work.mkdir(parents=True)
    sample.restore()
    return sample
