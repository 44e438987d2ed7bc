"""The folders of a listing as a tree that knows how many images each of them holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from tasks.inventory.image_formats import NO_EXTENSION, NO_IMAGES, suffix_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tasks.inventory.listing import Listing


@dataclass
class Folder:
    """One folder; nothing in it is changed once the tree is complete.

    Attributes:
        path: relative POSIX path; "" for the data folder. Of merged folders, that of the first.
        images: number of images directly in it.
        unread: number of files directly in it that are images, but of a format that can't be read.
        others: number of all other files directly in it.
        children: its sub-folders by name.
        passed_over: how many files directly in it were passed over, by suffix.
    """

    path: str
    images: int = 0
    unread: int = 0
    others: int = 0
    children: dict[str, Folder] = field(default_factory=dict)
    passed_over: Counter[str] = field(default_factory=Counter)

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    @cached_property
    def populated(self) -> dict[str, Folder]:
        """The sub-folders with images, readable or not, at any depth."""
        return {name: child for name, child in self.children.items() if child.total}

    @cached_property
    def total(self) -> int:
        """Number of images at any depth, readable or not."""
        return self.images + self.unread + sum(child.total for child in self.children.values())

    @cached_property
    def total_images(self) -> int:
        """Number of images at any depth that can be read as far as their names tell."""
        return self.images + sum(child.total_images for child in self.children.values())

    @property
    def direct(self) -> int:
        """Number of images directly in it, readable or not."""
        return self.images + self.unread

    def walk(self) -> Iterator[Folder]:
        """Yield this folder and all below it."""
        yield self
        for child in self.children.values():
            yield from child.walk()


def tree_of(listing: Listing) -> Folder:
    """Return the tree of the folders that a listing visited."""
    folders: dict[str, Folder] = {"": Folder("")}
    for path in listing.folders:
        _enter(path, folders)
    for path, count in Counter(map(folder_of, listing.paths)).items():
        _enter(path, folders).images = count
    for path, reason in zip(listing.passed_over, listing.reasons, strict=True):
        folder, suffix = _enter(folder_of(path), folders), suffix_of(path)
        if reason in NO_IMAGES:
            folder.others += 1
        else:
            folder.unread += 1
        folder.passed_over[suffix or NO_EXTENSION] += 1
    return folders[""]


def folder_of(path: str) -> str:
    """Return the folder part of a relative path."""
    return path.rpartition("/")[0]


def merged(folders: Iterable[Folder]) -> Folder:
    """Return folders laid over each other, as the classes of several splits are."""
    first, *others = folders
    if not others:
        return first
    names = dict.fromkeys(name for folder in (first, *others) for name in folder.children)
    whole = Folder(first.path)
    for folder in (first, *others):
        whole.images += folder.images
        whole.unread += folder.unread
        whole.others += folder.others
        whole.passed_over += folder.passed_over
    for name in names:
        whole.children[name] = merged(
            folder.children[name] for folder in (first, *others) if name in folder.children
        )
    return whole


def relative_files(folder: Folder, paths: Iterable[str]) -> set[str]:
    """Return the paths of a folder's images as they read from inside it."""
    prefix = f"{folder.path}/" if folder.path else ""
    return {path[len(prefix) :] for path in paths if path.startswith(prefix)}


def _enter(path: str, folders: dict[str, Folder]) -> Folder:
    """Return the folder of a path; it and its parents are made where they are missing."""
    folder = folders.get(path)
    if folder is None:
        folder = folders[path] = Folder(path)
        parent, _, name = path.rpartition("/")
        _enter(parent, folders).children[name] = folder
    return folder
