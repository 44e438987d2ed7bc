"""Finds the folders whose sub-folders are the classes: one for all, or one for each split.

A tree of folders goes in; branches come out, with remarks on what was left out and why.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tasks.errors import DataFolderError
from tasks.inventory import folder_names as names
from tasks.inventory.columns import SPLITS
from tasks.inventory.folder_messages import (
    is_or_are,
    listed,
    refuse_unclear_splits,
    unclear_neighbours,
)
from tasks.inventory.folders_beside import NO_LABELS, folders_beside, is_flat
from tasks.inventory.label_names import labels_in_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tasks.inventory.folder_tree import Folder

# A few images beside the one folder that holds all others don't make that folder a class.
MOST_BESIDE = 0.05
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

    def leave_out_masks(self, masks: Sequence[str]) -> None:
        """Note that images between others are not read, as they are named as their masks."""
        if masks:
            self.left_out.append((masks[0], len(masks), "named as masks of others"))
            self.notes.append(
                f"{masks[0]} and the like are left out as masks of the images beside them;"
                ' data.layout = "class" or "split" reads them too.'
            )


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
        children = self._relevant(folder, split)
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
            if joined := names.joined_splits(list(children)):
                return self._joined_branches(folder, children, joined)
            refuse_unclear_splits(children)
            if inner := self._splits_inside(folder, children):
                self.splits.update(inner)
                return [Branch(folder, inner=inner)]
        return [Branch(_with_children(folder, children), split)]

    def _relevant(self, folder: Folder, split: str | None) -> dict[str, Folder]:
        """Return the sub-folders that may hold labelled images; the others are left out."""
        children = dict(folder.populated)
        reasons = folders_beside(folder, self._paths, self._split_of)
        for name, why in reasons.items():
            self._remarks.leave_out(children.pop(name), why)
        if NO_LABELS in reasons.values() and not any(map(self._split_of, children)):
            unlabelled = [name for name, why in reasons.items() if why == NO_LABELS]
            self._remarks.notes.append(
                f"{listed(unlabelled)} beside {listed(children)} {is_or_are(unlabelled)} left out,"
                f' as named; data.layout = "{"class" if split is None else "split"}" reads'
                f" {'it as a class' if len(unlabelled) == 1 else 'them as classes'}."
            )
        return children

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
        return self._without_splits(
            [branch for name, split in ordered for branch in self.find(children[name], split)]
        )

    def _without_splits(self, branches: list[Branch]) -> list[Branch]:
        """Return branches without the splits that the names of their classes repeat."""
        classes = [
            names.classes_after(list(branch.folder.populated), branch.split or "")
            for branch in branches
        ]
        if not all(classes) or len({frozenset(each.values()) for each in classes}) > 1:
            return branches
        (name, label), *_ = classes[0].items()
        self._remarks.notes.append(
            f"The classes are called after their splits, and read without: {name}/ is {label};"
            ' data.layout = "split" reads the names as they are.'
        )
        return [
            replace(branch, folder=_renamed(branch.folder, each))
            for branch, each in zip(branches, classes, strict=True)
        ]

    def _joined_branches(
        self,
        folder: Folder,
        children: Mapping[str, Folder],
        joined: Mapping[str, tuple[str, str]],
    ) -> list[Branch]:
        """Return the branches of folders that are named by split and class: train_cat, test_cat."""
        self.splits.update({name: split for name, (split, _) in joined.items()})
        name, (split, label) = next(iter(joined.items()))
        self._remarks.notes.append(
            f"The folders are named by split and class: {name}/ is class {label} of {split};"
            ' data.layout = "class" reads each of them as a class.'
        )
        classes = {name: label for name, (_, label) in joined.items()}
        branches = []
        for each in SPLITS:
            own = {name: children[name] for name, (split, _) in joined.items() if split == each}
            if own:
                branches.append(Branch(_renamed(_with_children(folder, own), classes), each))
        return branches

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


def _renamed(folder: Folder, given: Mapping[str, str]) -> Folder:
    """Return a folder whose sub-folders go by other names."""
    children = {given.get(name, name): child for name, child in folder.children.items()}
    return replace(folder, children=children)


def _is_wrapper(parent: Folder, name: str, child: Folder) -> bool:
    """Return whether a folder's only sub-folder is one folder too many, and not a class."""
    if parent.direct > MOST_BESIDE * child.total:
        return False
    repeats = {parent.name.lower(), *filter(None, [names.split_of(parent.name)])}
    is_repeated = name.lower() in repeats or names.split_of(name) in repeats
    return bool(child.populated) or names.holds_images(name) or is_repeated
