"""Finds the folders beside labelled images that hold none: masks, copies, unlabelled images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.inventory import folder_names as names
from tasks.inventory.folder_tree import Folder, relative_files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    SplitOf = Callable[[str], str | None]

NO_LABELS, ANNOTATIONS = "without labels", "that are masks or other annotations"
TWICE, NO_DATA = "that are there twice, by their names", "beside the labelled ones"
MIN_CLASSES = 2


def folders_beside(folder: Folder, paths: Sequence[str], split_of: SplitOf) -> dict[str, str]:
    """Return the sub-folders of a folder that hold no labelled images, each with the reason.

    Args:
        folder: whose sub-folders are looked at.
        paths: of all images.
        split_of: returns the split that a name stands for.

    Returns:
        Nothing where all of them would be such folders, as something must be left to read.
    """
    children = folder.populated
    reasons = {
        **dict.fromkeys(_documents(children, split_of), NO_DATA),
        **dict.fromkeys(_annotations(children, split_of), ANNOTATIONS),
        **dict.fromkeys(_unlabelled(children), NO_LABELS),
        **dict.fromkeys(_copies(folder, paths), TWICE),
    }
    return {} if len(reasons) == len(children) else reasons


def _annotations(children: Mapping[str, Folder], split_of: SplitOf) -> list[str]:
    found = [
        name for name in children if names.holds_annotations(name) and not names.holds_images(name)
    ]
    others = [name for name in children if name not in found]
    if others and all(names.holds_images(name) or split_of(name) for name in others):
        return found
    # Beside one folder with folders in it, such as CUB_200_2011/ and segmentations/.
    is_tree = len(others) == 1 and children[others[0]].populated
    return [name for name in found if children[name].populated] if is_tree else []


def _unlabelled(children: Mapping[str, Folder]) -> list[str]:
    """Return folders named as unlabelled, beside folders of folders or several classes."""
    found = [name for name in children if names.is_unlabelled(name) and is_flat(children[name])]
    rest = [child for name, child in children.items() if name not in found]
    are_sets = bool(rest) and all(not is_flat(child) for child in rest)
    return found if are_sets or len(rest) >= MIN_CLASSES else []


def _documents(children: Mapping[str, Folder], split_of: SplitOf) -> list[str]:
    """Return folders of figures and the like, beside one folder of class folders or the splits."""
    found = [name for name in children if names.holds_other_files(name) and is_flat(children[name])]
    rest = [name for name in children if name not in found]
    is_set = len(rest) == 1 or all(map(split_of, rest))
    return found if is_set and rest and all(not is_flat(children[name]) for name in rest) else []


def _copies(folder: Folder, paths: Sequence[str]) -> list[str]:
    """Return sub-folders that hold the files of their neighbours once more."""
    children = folder.populated
    return [
        name
        for name, child in children.items()
        if len(child.populated.keys() & children.keys() - {name}) > 1
        and relative_files(child, paths) <= relative_files(folder, paths)
    ]


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


def several_in(folder: Folder) -> list[str]:
    """Return the names of the sub-folders that hold images themselves, if there are several."""
    names_in = [name for name, child in folder.populated.items() if child.direct]
    return names_in if len(names_in) >= MIN_CLASSES else []
