"""Finds the file that a table means: by its path, its name, or its name without the extension."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING

from tasks.inventory.columns import TRAIN
from tasks.inventory.folder_tree import folder_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class FileIndex:
    """The images of a data folder by all that a table may call them.

    Args:
        paths: relative POSIX paths of the images.
        splits: of the images, where their folders give any.
    """

    def __init__(
        self, paths: Sequence[str], splits: Mapping[str, str | None] | None = None
    ) -> None:
        self.paths, self._splits = paths, splits or {}
        self._known = set(paths)

    def find_all(
        self, names: Iterable[object], folder: str, split: str | None = None
    ) -> list[str | None]:
        """Return the path of the file that each name means, None where it is not certain.

        Args:
            names: paths or names, with or without an extension.
            folder: that of the table; a name that several files have means the one near to it.
            split: of the table, if it has one; of several files it means those of its split.
        """
        return [self.find(str(name), folder, split) for name in names]

    def find(self, name: str, folder: str, split: str | None = None) -> str | None:
        """Return the path of the file that a name means, None where it is not certain."""
        if name in self._known:
            return name
        name = posixpath.normpath(name.strip().replace("\\", "/")) if name.strip() else ""
        near = posixpath.normpath(f"{folder}/{name}") if folder else name
        if near in self._known:
            return near
        base = name.rpartition("/")[2]
        if not base:
            return None
        for key, candidates in (
            (name, self._by_name.get(base, [])),
            (name, self._by_stem.get(base, [])),
            (_stem(name), self._by_stem.get(_stem(base), [])),
        ):
            found = _unique(self._of_split(_near(candidates, folder), split), key, folder)
            if found is not None:
                return found
        return self._by_number.get(int(base)) if base.isdecimal() else None

    def _of_split(self, candidates: list[str], split: str | None) -> list[str]:
        if not self._splits or len(candidates) < 2:  # noqa: PLR2004 - one is certain
            return candidates
        # A table that names no split is about the images for training.
        wanted = split or TRAIN
        return [path for path in candidates if self._splits.get(path) == wanted] or candidates

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        return _grouped((path.rpartition("/")[2], path) for path in self.paths)

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        return _grouped((_stem(path.rpartition("/")[2]), path) for path in self.paths)

    @cached_property
    def _by_number(self) -> dict[int, str]:
        """Paths by the number that is their whole name: 7 means 0007.png."""
        return {
            int(stem): paths[0]
            for stem, paths in self._by_stem.items()
            if stem.isdecimal() and len(paths) == 1
        }


def _near(candidates: list[str], folder: str) -> list[str]:
    """Return those of several files that are in the folder of the table, if any are."""
    if not folder or len(candidates) < 2:  # noqa: PLR2004 - one is certain
        return candidates
    return [path for path in candidates if path.startswith(f"{folder}/")] or candidates


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for key, path in pairs:
        groups[key].append(path)
    return groups


def _unique(candidates: list[str], name: str, folder: str) -> str | None:
    """Return the one candidate that a name means, if there is one."""
    if "/" in name:
        # The same name in another folder is another file, unless that folder is the data folder.
        parent = folder_of(name).rpartition("/")[2]
        candidates = [
            path for path in candidates if folder_of(path).rpartition("/")[2] in {parent, ""}
        ]
    if len(candidates) > 1 and "/" in name:
        # A path from elsewhere: as much of its end as is needed to tell the files apart.
        parts = name.split("/")
        for start in range(len(parts) - 1):
            end = "/" + "/".join(parts[start:])
            alike = [path for path in candidates if f"/{path}".rpartition(".")[0].endswith(end)]
            alike = alike or [path for path in candidates if f"/{path}".endswith(end)]
            if alike:
                candidates = alike
                break
    if len(candidates) > 1:
        candidates = [path for path in candidates if path.startswith(f"{folder}/")] or candidates
    return candidates[0] if len(candidates) == 1 else None


def _stem(name: str) -> str:
    return posixpath.splitext(name)[0]
