"""Reads the classes from the folders of a data set's branches.

Branches come in, as `folder_branches` found them; the split and label of each folder come out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tasks.errors import DataFolderError
from tasks.inventory import folder_names as names
from tasks.inventory.columns import TEST, TRAIN, VALIDATION
from tasks.inventory.folder_messages import is_or_are, listed
from tasks.inventory.folder_tree import Folder, merged
from tasks.inventory.folders_beside import ANNOTATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tasks.inventory.folder_branches import Branch, Remarks

    # The folder that names a class: the first below the data folder and its splits, or the last.
    Level = Literal["first", "last"]

# From this share on, the sub-folders of the classes repeat each other.
MANY_REPEATED = 0.5
SPLIT_ORDER = (TRAIN, TEST, VALIDATION)
AS_TAKEN = frozenset(("original", "originals", "raw", "color", "colour", "rgb"))


@dataclass
class ClassFolders:
    """What the folders of the classes hold beside images.

    Attributes:
        passed_over: by class, how many files of each suffix were passed over in its folders.
        unread: classes whose folders hold files, but no image that can be read.
        empty: classes whose folders hold nothing.
    """

    passed_over: dict[str, dict[str, int]] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)


def read_classes(
    branches: Sequence[Branch], level: str, remarks: Remarks
) -> dict[str, tuple[str | None, str | None]]:
    """Return the split and label of every folder below the branches; others are left out.

    Args:
        branches: whose sub-folders are classes.
        level: which folder names the class: first, last or auto.
        remarks: added to.

    Raises:
        DataFolderError: it can't be told which folders are the classes; the message names settings.
    """
    whole = merged(branch.folder for branch in branches)
    dropped: set[str] = set()
    chosen: Level = "first"
    if not any(branch.inner for branch in branches):
        chosen, dropped = _choose_level(whole, level, remarks)
    places: dict[str, tuple[str | None, str | None]] = {}
    for branch in branches:
        places[branch.folder.path] = branch.split, None
        for name, top in branch.folder.children.items():
            for child_name, child in top.populated.items():
                if child_name in dropped:
                    remarks.leave_out(child, ANNOTATIONS)
            for folder in _walk_without(top, dropped):
                inner = folder.path[len(top.path) + 1 :].partition("/")[0]
                label = name if chosen == "first" else folder.name
                places[folder.path] = branch.inner.get(inner, branch.split), label
    return places


def note_class_folders(
    tree: Folder, places: Mapping[str, tuple[str | None, str | None]]
) -> ClassFolders:
    """Return the classes whose folders hold no images, and what was passed over in each class.

    Args:
        tree: all folders.
        places: split and label by folder.
    """
    images: Counter[str] = Counter()
    passed_over: dict[str, Counter[str]] = {}
    for folder in tree.walk():
        _, label = places.get(folder.path, (None, None))
        holds_files = folder.images or folder.passed_over
        # A folder of folders alone is no class where the last folder names it.
        if label is not None and (holds_files or not folder.children):
            images[label] += folder.images
            passed_over.setdefault(label, Counter()).update(folder.passed_over)
    # Documents beside the classes are no class.
    bare = [
        label for label in passed_over if not images[label] and not names.holds_other_files(label)
    ]
    return ClassFolders(
        {label: dict(counts.most_common()) for label, counts in passed_over.items() if counts},
        [label for label in bare if passed_over[label]],
        [label for label in bare if not passed_over[label]],
    )


def _walk_without(top: Folder, dropped: set[str]) -> list[Folder]:
    return [
        top,
        *(
            folder
            for name, child in top.children.items()
            if name not in dropped
            for folder in child.walk()
        ),
    ]


def _choose_level(whole: Folder, level: str, remarks: Remarks) -> tuple[Level, set[str]]:
    """Return which folder names the class, and the names of sub-folders that are no images."""
    nested = {
        name: set(top.populated)
        for name, top in whole.populated.items()
        # A class folder within itself, as some archives have it, is nothing to think about.
        if top.populated and set(top.populated) != {name}
    }
    if level == "last":
        return "last", set()
    if level == "first" or not nested:
        return "first", set()
    dropped = _annotations_beside_images(nested)
    if dropped:
        remarks.notes.append(
            f"{listed(sorted(dropped))} in the class folders {is_or_are(dropped)} left out as"
            ' annotations of the images beside them; data.label_folder = "first" reads every'
            " sub-folder of a class."
        )
        nested = {name: subs - dropped for name, subs in nested.items()}
    subs = sorted(set().union(*nested.values()))
    if not subs or all(map(names.holds_images, subs)):
        if not dropped:
            remarks.notes.append(_first_note(subs, nested))
        return "first", dropped
    return _by_repeats(nested, list(whole.populated), remarks), dropped


def _annotations_beside_images(nested: Mapping[str, set[str]]) -> set[str]:
    return {
        name
        for subs in nested.values()
        if any(map(names.holds_images, subs))
        for name in subs
        if names.holds_annotations(name) and not names.holds_images(name)
    }


def _by_repeats(nested: Mapping[str, set[str]], tops: Sequence[str], remarks: Remarks) -> Level:
    counts = Counter(name for subs in nested.values() for name in sorted(subs))
    repeated = sum(count for count in counts.values() if count > 1)
    is_one = len(counts) == 1
    if is_one or repeated < MANY_REPEATED * sum(counts.values()):
        remarks.notes.append(_first_note(counts, nested))
        return "first"
    subs_vary = names.are_views(counts) or names.are_parts(counts)
    tops_vary = names.are_parts(nested)
    if subs_vary and not tops_vary and not names.are_views(nested):
        remarks.notes.append(_first_note(counts, nested))
        return "first"
    if tops_vary and not subs_vary and len(nested) == len(tops):
        remarks.notes.append(
            f"The classes are the last folders ({listed(counts)}), which {listed(nested)} repeat;"
            ' data.label_folder = "first" takes the first folders as classes.'
        )
        return "last"
    raise DataFolderError(_which_level(nested, counts))


def _first_note(subs: Iterable[str], nested: Mapping[str, set[str]]) -> str:
    return (
        f"The classes are the first folders ({listed(nested)}); what lies in their sub-folders"
        f' ({listed(subs)}) counts as the same class. data.label_folder = "last" takes the last'
        " folders as classes."
    )


def _which_level(nested: Mapping[str, set[str]], subs: Mapping[str, int]) -> str:
    # Of several views of the same images, the one as the camera took it.
    kept = next(
        (name for name in nested if set(names.words_of(name)) & AS_TAKEN), next(iter(nested))
    )
    left_out = ", ".join(f'"{name}"' for name in nested if name != kept)
    splits = ", ".join(
        f'"{name}" = "{split}"' for name, split in zip(nested, SPLIT_ORDER, strict=False)
    )
    as_splits = (
        f" data.split_folders = {{ {splits} }} if {listed(nested)} are splits;"
        if len(nested) <= len(SPLIT_ORDER)
        else ""
    )
    return (
        f"The folders {listed(nested)} hold the same sub-folders ({listed(subs)}), so it can't be"
        f' told which are the classes. Write data.label_folder = "first" if {listed(nested)} are'
        f' the classes, "last" if {listed(subs)} are;{as_splits} or data.leave_out = [{left_out}]'
        f" if they show the same images, to read {kept}/ alone."
    )
