"""Finds the folders whose sub-folders are the classes: one for all, or one for each split.

A tree of folders goes in; branches come out, with remarks on what was left out and why.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tasks.errors import DataFolderError
from tasks.inventory import folder_names as names
from tasks.inventory.columns import SPLITS
from tasks.inventory.folder_messages import listed, refuse_unclear_splits, unclear_neighbours
from tasks.inventory.folder_tree import Folder, relative_files
from tasks.inventory.label_names import labels_in_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# A few images beside the one folder that holds all others don't make that folder a class.
MOST_BESIDE = 0.05
NO_LABELS, ANNOTATIONS = "without labels", "that are masks or other annotations"
MIN_CLASSES = 2


@dataclass(frozen=True)
class Branch:
    """A folder in which classes are looked for.

    Attributes:
        folder: its sub-folders are the classes; without any, its images have no labels.
        split: of its images; None where the folders give none.
        inner: splits by the names of the folders in those of the classes, as in cat/train/1.png.
    """

    folder: Folder
    split: str | None = None
    inner: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Remarks:
    """What a reader should know about how the folders were read.

    Attributes:
        notes: one sentence each, with the setting that reads them otherwise.
        left_out: path, number of images and reason of each folder that is not read.
    """

    notes: list[str] = field(default_factory=list)
    left_out: list[tuple[str, int, str]] = field(default_factory=list)

    def leave_out(self, folder: Folder, why: str) -> None:
        """Note that a folder is not read."""
        if folder.total_images:
            self.left_out.append((folder.path, folder.total_images, why))


class BranchFinder:
    """Finds the branches of one data folder.

    Args:
        paths: of all images.
        split_folders: splits by the names of their folders, given by the user.
        remarks: added to.

    Attributes:
        splits: those that were found, by the names of their folders.
        base: path of the folder that holds the splits, or the classes where there are no splits.
    """

    def __init__(
        self, paths: Sequence[str], split_folders: Mapping[str, str], remarks: Remarks
    ) -> None:
        self._paths, self._given, self._remarks = paths, split_folders, remarks
        self.splits: dict[str, str] = {}
        self.base = ""

    def find(self, folder: Folder, split: str | None = None) -> list[Branch]:
        """Return the branches below a folder, going down where one folder holds everything.

        Args:
            folder: the one to begin at.
            split: of all images below it; None at the top.

        Raises:
            DataFolderError: splits and classes can't be told apart; the message names settings.
        """
        if split is None:
            self.base = folder.path
        children = self._relevant(folder)
        splits = self._splits_of(children)
        if split is not None and len(splits) < max(2, len(children)):
            # Within a split a class may be called train.
            splits = {}
        if splits:
            return self._split_branches(folder, children, splits)
        if len(children) == 1:
            ((name, child),) = children.items()
            if _is_wrapper(folder, name, child):
                return self.find(child, split)
        elif split is None:
            refuse_unclear_splits(children)
            if inner := self._splits_inside(folder, children):
                self.splits.update(inner)
                return [Branch(folder, inner=inner)]
        return [Branch(_with_children(folder, children), split)]

    def _relevant(self, folder: Folder) -> dict[str, Folder]:
        """Return the sub-folders that may hold labelled images; the others are left out."""
        children = dict(folder.populated)
        reasons = {
            **dict.fromkeys(self._annotations(children), ANNOTATIONS),
            **dict.fromkeys(_unlabelled(children), NO_LABELS),
            **dict.fromkeys(self._copies(folder, children), "that are there twice"),
        }
        # Something must be left to read.
        if len(reasons) == len(children):
            return children
        for name, why in reasons.items():
            self._remarks.leave_out(children.pop(name), why)
        return children

    def _annotations(self, children: Mapping[str, Folder]) -> list[str]:
        found = [
            name
            for name in children
            if names.holds_annotations(name) and not names.holds_images(name)
        ]
        others = [name for name in children if name not in found]
        if others and all(names.holds_images(name) or self._split_of(name) for name in others):
            return found
        # Beside one folder with folders in it, such as CUB_200_2011/ and segmentations/.
        is_tree = len(others) == 1 and children[others[0]].populated
        return [name for name in found if children[name].populated] if is_tree else []

    def _copies(self, folder: Folder, children: Mapping[str, Folder]) -> list[str]:
        """Return sub-folders that hold the files of their neighbours once more."""
        copies = []
        for name, child in children.items():
            shared = child.populated.keys() & children.keys() - {name}
            if len(shared) > 1:
                inside = relative_files(child, self._paths)
                if inside <= relative_files(folder, self._paths):
                    copies.append(name)
        return copies

    def _splits_of(self, children: Iterable[str]) -> dict[str, str]:
        children = list(children)
        found = {name: split for name in children if (split := self._split_of(name)) is not None}
        return found or (names.splits_alike(children) if len(children) > 1 else None) or {}

    def _split_of(self, name: str) -> str | None:
        return self._given.get(name) or names.split_of(name)

    def _split_branches(
        self, folder: Folder, children: Mapping[str, Folder], splits: Mapping[str, str]
    ) -> list[Branch]:
        others = self._beside_splits(children, splits)
        if others is None:
            (name, *_) = splits
            self._remarks.notes.append(
                f"{name}/ is read as a class, as its neighbours are; data.split_folders ="
                f' {{ {name} = "{splits[name]}" }} makes it a split.'
            )
            return [Branch(_with_children(folder, children))]
        for name in others:
            self._remarks.leave_out(children[name], NO_LABELS)
        self.splits.update(splits)
        ordered = sorted(splits.items(), key=lambda item: SPLITS.index(item[1]))
        return [branch for name, split in ordered for branch in self.find(children[name], split)]

    def _beside_splits(
        self, children: Mapping[str, Folder], splits: Mapping[str, str]
    ) -> list[str] | None:
        """Return which folders beside those of splits have no labels.

        None if what is named as a split is a class.
        """
        others = [name for name in children if name not in splits]
        if not others:
            return []
        have_classes = any(not is_flat(children[name]) for name in splits)
        others_flat = all(is_flat(children[name]) for name in others)
        given = self._given.keys() & splits.keys()
        is_clear = len(set(splits.values())) > 1 or given or all(map(names.is_unlabelled, others))
        if others_flat and have_classes and is_clear:
            return others
        if others_flat and not have_classes:
            if given or all(map(names.is_unlabelled, others)):
                return others
            if len(splits) == 1 and not self._have_labels_in_names(splits, children):
                return None
        raise DataFolderError(unclear_neighbours(splits, others, children))

    def _have_labels_in_names(self, splits: Iterable[str], children: Mapping[str, Folder]) -> bool:
        prefixes = tuple(f"{children[name].path}/" for name in splits)
        return bool(labels_in_names([path for path in self._paths if path.startswith(prefixes)]))

    def _splits_inside(self, folder: Folder, children: Mapping[str, Folder]) -> dict[str, str]:
        """Return the splits that the folders of classes hold: cat/train/1.png, dog/test/2.png."""
        inside = [
            child.populated for child in children.values() if child.populated and not child.direct
        ]
        found = {name: self._split_of(name) for each in inside for name in each}
        splits = {name: split for name, split in found.items() if split is not None}
        if len(inside) < MIN_CLASSES or splits != found or len(set(splits.values())) < MIN_CLASSES:
            return {}
        if any(not is_flat(each) for split in inside for each in split.values()):
            raise DataFolderError(
                f"{listed(children)} in {folder.path or 'the data folder'} hold the splits"
                f" {listed(splits)}, which hold folders again: these are several data sets. Give"
                f" one of them as the data folder, such as {next(iter(children))}/."
            )
        return splits


def _with_children(folder: Folder, children: Mapping[str, Folder]) -> Folder:
    """Return a folder without those of its sub-folders that are left out."""
    kept = {
        name: child
        for name, child in folder.children.items()
        if name in children or not child.total
    }
    return replace(folder, children=kept)


def _unlabelled(children: Mapping[str, Folder]) -> list[str]:
    """Return folders named as unlabelled, if their neighbours have folders in them."""
    found = [name for name in children if names.is_unlabelled(name) and is_flat(children[name])]
    rest = [child for name, child in children.items() if name not in found]
    return found if rest and all(not is_flat(child) for child in rest) else []


def _is_wrapper(parent: Folder, name: str, child: Folder) -> bool:
    """Return whether a folder's only sub-folder is one folder too many, and not a class."""
    if parent.direct > MOST_BESIDE * child.total:
        return False
    repeats = {parent.name.lower(), *filter(None, [names.split_of(parent.name)])}
    is_repeated = name.lower() in repeats or names.split_of(name) in repeats
    return bool(child.populated) or names.holds_images(name) or is_repeated


def is_flat(folder: Folder) -> bool:
    """Return whether there are no classes in a folder: at most one folder inside another."""
    children = folder.populated
    if not children:
        return True
    if len(children) > 1:
        return False
    ((name, child),) = children.items()
    is_class = not (names.holds_images(name) or name == folder.name or names.is_unlabelled(name))
    return is_flat(child) and not is_class
