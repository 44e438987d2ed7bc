"""A table as it was read, and the column of it that names the images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.inventory.folder_names import splits_in, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from tasks.inventory.file_index import FileIndex

PATH_WORDS = frozenset(
    (
        "path", "paths", "filepath", "filepaths", "filename", "filenames", "file", "files", "fname",
        "image", "images", "img", "imgs", "photo", "picture", "id", "imageid", "imagename", "name",
    )
)  # fmt: skip
SAMPLE = 200
MIN_HITS, MIN_UNIQUE = 0.5, 0.9


@dataclass(frozen=True)
class RawTable:
    """A table as it was read.

    Attributes:
        file: relative path.
        table: columns of text.
        is_named: whether its columns have their names; else the first row may be a header.
    """

    file: str
    table: pd.DataFrame
    is_named: bool

    @property
    def folder(self) -> str:
        """The folder it is in, relative."""
        return self.file.rpartition("/")[0]

    @staticmethod
    def split_of(file: str) -> str | None:
        """Return the split that the name of a table stands for, as in train.csv."""
        found = splits_in(file.rpartition("/")[2])
        return next(iter(found)) if len(found) == 1 else None

    @property
    def split(self) -> str | None:
        """The split that its name stands for."""
        return self.split_of(self.file)

    def find(self, index: FileIndex, names: Iterable[object]) -> list[str | None]:
        """Return the files that some of its values name."""
        return index.find_all(names, self.folder, self.split)


def named_files(raw: RawTable, index: FileIndex) -> list[str]:
    """Return the images that a table names; none if no column names images only."""
    column = path_column(raw, index, None)
    found = [] if column is None else raw.find(index, raw.table[column])
    return [path for path in found if path is not None]


def path_column(raw: RawTable, index: FileIndex, given: str | None) -> str | None:
    """Return the column that names the images, by its content or as the user calls it."""
    table = raw.table
    if given is not None:
        return _by_name(raw, given)
    # A header is no file.
    rows = table if raw.is_named else table.iloc[1 if len(table) > 1 else 0 :]
    sample = rows.iloc[:: max(1, len(rows) // SAMPLE)]
    best, best_rank = None, (False, MIN_HITS, False, False)
    for column in table.columns:
        values = sample[column]
        title = str(column if raw.is_named else table[column].iloc[0])
        words = set(words_of(title))
        is_titled = bool(words & PATH_WORDS)
        is_unique = values.nunique() >= MIN_UNIQUE * len(values)
        # A file may have several rows; other values that recur are labels rather than files.
        if not is_unique and not (words and words <= PATH_WORDS):
            continue
        hits = {path for path in raw.find(index, values) if path is not None}
        share = len(hits) / max(1, values.nunique())
        rank = (is_unique, share, not values.str.isdecimal().all(), is_titled)
        if share > MIN_HITS and rank > best_rank:
            best, best_rank = column, rank
    return best


def _by_name(raw: RawTable, given: str) -> str | None:
    titles = raw.table.columns if raw.is_named else raw.table.iloc[0]
    for column, title in zip(raw.table.columns, titles, strict=True):
        if str(title).strip().lower() == given.lower():
            return column
    return None
