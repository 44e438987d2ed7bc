"""How a folder was read: the split and the label of every image, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from tasks.inventory.class_folders import ClassFolders
from tasks.inventory.columns import ERROR, LABEL, PATH, SPLIT, SPLITS
from tasks.inventory.folder_branches import Remarks
from tasks.inventory.folder_tree import folder_of
from tasks.inventory.listing import printable
from tasks.storage.hashing import digest

if TYPE_CHECKING:
    from tasks.inventory.listing import Listing

    # The split and the label of an image, each None where it has none.
    Place = tuple[str | None, str | None]

NOWHERE: Place = (None, None)
BAD_NAME = "the file's name is not valid UTF-8; rename it"


@dataclass
class Reading:
    """A folder as it was read; not changed once it is complete.

    Attributes:
        layout: class, split, class_split, flat or manifest.
        listing: the images that are rows of the inventory, and all files that are not.
        places: split and label of all images in a folder, by its path.
        rows: split and label of single images, by path; they precede their folder's.
        errors: what is wrong with single images, by path.
        remarks: notes, and the folders that were left out.
        classes: what was noted about the folders of the classes.
        splits: found splits, by the names of their folders.
        base: path of the folder that holds the classes or splits.
        source: where labels come from that no folder gives, in words.
        used: files that were read as tables or names of classes.
        siblings: groups of images that tables give, by path.
        table: path, split, label, siblings and error of every image, where a manifest gives them.
    """

    layout: str
    listing: Listing
    places: dict[str, Place] = field(default_factory=dict)
    rows: dict[str, Place] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    remarks: Remarks = field(default_factory=Remarks)
    classes: ClassFolders = field(default_factory=ClassFolders)
    splits: dict[str, str] = field(default_factory=dict)
    base: str = ""
    source: str | None = None
    used: set[str] = field(default_factory=set)
    siblings: dict[str, str] = field(default_factory=dict)
    table: pd.DataFrame | None = None

    @cached_property
    def key(self) -> str | None:
        """A hash of all that labels and splits depend on; None where that is a manifest."""
        if self.table is not None:
            return None
        return digest([self.layout, self.places, self.rows, self.errors, self.siblings])

    @cached_property
    def placed(self) -> list[Place]:
        """Split and label of each image, in the order of the listing."""
        places, rows = self.places, self.rows
        if not rows:
            return [places.get(folder_of(path), NOWHERE) for path in self.listing.paths]
        return [
            rows[path] if path in rows else places.get(folder_of(path), NOWHERE)
            for path in self.listing.paths
        ]

    @property
    def distinct(self) -> set[Place]:
        """Every pair of split and label that an image has."""
        if self.table is not None:
            pairs = self.table[[SPLIT, LABEL]].drop_duplicates()
            texts = pairs.astype("object").where(pairs.notna(), None)
            return set(texts.itertuples(index=False, name=None))
        folders = set(map(folder_of, self.listing.paths)) - set(map(folder_of, self.rows))
        return {self.places.get(folder, NOWHERE) for folder in folders} | set(self.rows.values())

    @property
    def given_splits(self) -> list[str]:
        """The splits that folders or tables give, in their order."""
        found = {split for split, _ in self.distinct}
        return [split for split in SPLITS if split in found]

    def frame(self) -> pd.DataFrame:
        """Return path, split, label and error of every image, in the order of the listing."""
        if self.table is not None:
            return self.table
        names = self.listing.names
        columns: dict[str, list[str | None]] = {
            PATH: [*names],
            SPLIT: [split for split, _ in self.placed],
            LABEL: [
                label if label is None or label.isascii() else printable(label)
                for _, label in self.placed
            ],
            # Parquet can't hold such a name, so the row has an escaped one, and the file is not
            # opened.
            ERROR: [
                self.errors.get(path) if name == path else BAD_NAME
                for name, path in zip(names, self.listing.paths, strict=True)
            ],
        }
        return pd.DataFrame(
            {name: pd.Series(values, dtype="str") for name, values in columns.items()}
        )
