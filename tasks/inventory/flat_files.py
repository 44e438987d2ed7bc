"""Labels images that lie in no class folder: by the tables beside them, or by their names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tasks.errors import DataFolderError
from tasks.inventory.columns import LABEL, PATH, SPLIT, TRAIN
from tasks.inventory.declared_groups import GROUP_NAME
from tasks.inventory.file_index import FileIndex
from tasks.inventory.folder_tree import folder_of
from tasks.inventory.label_names import known_labels_in_names, labels_in_names
from tasks.inventory.label_tables import FoundTables, find_tables

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from tasks.config.data import DataConfig
    from tasks.inventory.folder_branches import Branch, Remarks
    from tasks.inventory.folder_reading import Place
    from tasks.inventory.listing import Listing

TABLES_SHOWN = 2


@dataclass
class FlatLabels:
    """The labels of images without class folders.

    Attributes:
        rows: split and label by path.
        errors: what is wrong with a row, by path.
        missing: rows of tables that name no file.
        unlabelled: branches that are left out.
        source: where the labels come from, in words.
        tables: the paths of the tables they come from, in words.
        used: files that were read for it.
        siblings: groups that tables give, by path.
    """

    rows: dict[str, Place] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unlabelled: list[Branch] = field(default_factory=list)
    source: str = ""
    tables: str = ""
    used: set[str] = field(default_factory=set)
    siblings: dict[str, str] = field(default_factory=dict)


class FlatFiles:
    """The images of some branches that have no class folders.

    Args:
        root: the data folder.
        listing: all of its files.
        branches: those without class folders.
        settings: the user's names of columns.
        known: classes that the folders of other branches give.
    """

    def __init__(
        self,
        root: Path,
        listing: Listing,
        branches: Sequence[Branch],
        settings: DataConfig,
        known: Collection[str],
    ) -> None:
        self._root, self._listing, self._settings = root, listing, settings
        self._branches, self._known = branches, known
        split_of_folder = {
            folder.path: position
            for position, branch in enumerate(branches)
            for folder in branch.folder.walk()
        }
        self.paths: list[list[str]] = [[] for _ in branches]
        for path in listing.paths:
            position = split_of_folder.get(folder_of(path))
            if position is not None:
                self.paths[position].append(path)
        self._tables = FoundTables()

    def label(self, remarks: Remarks) -> FlatLabels | None:
        """Return the labels by tables, else by names; None if there are none for training."""
        everything = [path for paths in self.paths for path in paths]
        self._tables = find_tables(
            self._root,
            self._listing.passed_over,
            FileIndex(everything, self._splits()),
            {str(ours): theirs for ours, theirs in self._settings.columns.items()},
            self._known,
        )
        if self._tables.rivals:
            self._refuse_rivals(self._tables.rivals)
        found = self._by_tables(remarks) if self._tables.tables else self._by_names(remarks)
        for branch, paths in zip(self._branches, self.paths, strict=True):
            if not any(path in found.rows for path in paths):
                found.unlabelled.append(branch)
        # The classes may be known from the folders of the training images.
        must = [branch for branch in found.unlabelled if branch.split in {None, TRAIN}]
        return None if must or not (found.rows or self._known) else found

    def explain(self) -> str:
        """Return in words what is there instead of labels."""
        total = sum(map(len, self.paths))
        example = next(path for paths in self.paths for path in paths)
        tables = "".join(
            f" {file} is of no use: {reason}."
            for file, reason in list(self._tables.reasons.items())[:TABLES_SHOWN]
        )
        where = ", ".join(
            f"{branch.folder.path}/" for branch in self._branches if branch.folder.path
        )
        return (
            f"None of the {total} images {f'in {where} ' if where else ''}under {self._root} has a"
            f" label: they lie in no class folders, and names such as {example} are no certain"
            f" labels.{tables} Put them in one folder per class (cat/1.png), or set"
            " data.label_pattern to a regular expression that finds the label in the path, such as"
            f" {suggested_pattern(example)}, or data.manifest to a CSV file with the columns path"
            " and label."
        )

    def refuse(self) -> None:
        """Raise the error that explains why there are no labels."""
        raise DataFolderError(self.explain())

    def _refuse_rivals(self, files: Sequence[str]) -> None:
        first, second = files
        raise DataFolderError(
            f"{first} and {second} under {self._root} give the same images different labels. Write"
            f' data.leave_out = ["{second}"] to read {first}, or data.manifest ='
            f" '{self._root / second}' to read the other one."
        )

    def _by_tables(self, remarks: Remarks) -> FlatLabels:
        found, rows = FlatLabels(), self._tables.rows
        splits = self._splits()
        there = set(splits)
        for path, label, split in zip(rows[PATH], rows[LABEL], rows[SPLIT], strict=True):
            if path in there:
                given = splits[path] or (split if isinstance(split, str) else None)
                found.rows[path] = given, label if isinstance(label, str) else None
            else:
                found.missing.append(path)
        groups = rows.dropna(subset=GROUP_NAME)
        found.siblings = dict(zip(groups[PATH], groups[GROUP_NAME], strict=True))
        names = []
        for table in self._tables.tables:
            found.used |= {table.file, *filter(None, [table.names_file])}
            names.append(f"{table.file} ({table.label_column})")
            by_names = f", named by {table.names_file}" if table.names_file else ""
            remarks.notes.append(
                f"The labels are those of {table.label_column} in {table.file}{by_names};"
                " data.columns names other columns, data.manifest another file."
            )
        found.source = " and ".join(names)
        found.tables = " and ".join(table.file for table in self._tables.tables)
        return found

    def _by_names(self, remarks: Remarks) -> FlatLabels:
        found, splits = FlatLabels(), self._splits()
        known = set(self._known)
        for train in (True, False):
            for branch, paths in zip(self._branches, self.paths, strict=True):
                if (branch.split in {None, TRAIN}) is train and paths:
                    labels = known_labels_in_names(paths, known) if known else {}
                    labels = labels or ({} if known and not train else labels_in_names(paths))
                    known |= set(labels.values())
                    found.rows |= {
                        path: (splits[path], labels.get(path)) for path in paths if labels
                    }
        if found.rows:
            found.source = "file names"
            path, (_, label) = next(iter(found.rows.items()))
            remarks.notes.append(
                f"The labels are the names of the files up to their number ({path} is {label});"
                " data.label_pattern reads them otherwise."
            )
        return found

    def _splits(self) -> Mapping[str, str | None]:
        return {
            path: branch.split
            for branch, paths in zip(self._branches, self.paths, strict=True)
            for path in paths
        }


def suggested_pattern(path: str) -> str:
    """Return a regular expression to begin with, for names like this one."""
    stem = PurePosixPath(path).stem
    words = re.split(r"[\s_.-]+", stem)
    first, last = words[0], words[-1]
    separator = re.escape(stem[len(first) :][:1] or "_")
    if first.isdigit():
        return rf"'(^|/)(?P<label>\d+){separator}'"
    if len(words) > 2 and last.isdigit():  # noqa: PLR2004 - a word, its number, and one more
        return r"'_(?P<label>\d+)\.'"
    letters = "[a-z]+" if re.sub(r"\d+$", "", first).islower() else "[A-Za-z]+"
    # Such as n01440764_3.JPEG.
    digits = r"\d+" if first[-1:].isdigit() and len(words) > 1 else ""
    return rf"'(^|/)(?P<label>{letters}{digits}){separator}'"
