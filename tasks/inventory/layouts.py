"""Reads labels and given splits from the folders of a data set, its files' names, or its tables.

A folder and the settings of how to read it go in; a `Reading` comes out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tasks.config.data import MANIFEST_SUFFIXES
from tasks.errors import DataFolderError, SettingsError
from tasks.inventory.class_folders import note_class_folders, read_classes
from tasks.inventory.flat_files import FlatFiles
from tasks.inventory.folder_branches import Branch, BranchFinder
from tasks.inventory.folder_messages import listed
from tasks.inventory.folder_names import are_chunks, split_of
from tasks.inventory.folder_reading import NOWHERE, Reading
from tasks.inventory.folder_tables import name_numbered_folders, read_tables_beside
from tasks.inventory.folder_tree import Folder, folder_of, tree_of
from tasks.inventory.folders_beside import NO_LABELS, is_flat, several_in
from tasks.inventory.image_formats import NO_EXTENSION, NOT_AN_IMAGE, suffix_of
from tasks.inventory.listing import UNKNOWN_STATUS, Listing, list_files
from tasks.inventory.manifests import read_manifest_folder
from tasks.inventory.mask_files import masks_among, note_masks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tasks.config.data import DataConfig
    from tasks.inventory.flat_files import FlatLabels

REASONS = 3
# In the order of the folders; the label is the last.
BY_POSITION = {"class": (None, 0), "split": (0, 1), "class_split": (1, 0)}


def read_layout(root: Path, settings: DataConfig) -> Reading:
    """Return which files are images, and the split and label that folders or tables give them.

    Every layout, and what is said of it, is in docs/gate.md.

    Args:
        root: the data folder, or a manifest given instead of one.
        settings: layout, label pattern, manifest and the like.

    Raises:
        DataFolderError: there are no images, or their labels can't be told; the message says what
            was seen and which setting to write.
        SettingsError: the label pattern is not a regular expression with a group named label.
    """
    manifest = _manifest_of(root, settings)
    if manifest is not None:
        return read_manifest_folder(manifest, root if root.is_dir() else root.parent, settings)
    listing = list_files(root, settings.leave_out)
    if not listing.paths:
        raise DataFolderError(_no_images(root, listing))
    masks = masks_among(listing.paths)
    if settings.layout in BY_POSITION or settings.label_pattern is not None:
        tree = tree_of(listing)
        read = _by_position if settings.layout in BY_POSITION else _by_pattern
        reading = read(root, listing, tree, settings)
        reading.remarks.notes += note_masks(masks)
    else:
        _leave_out(listing, masks)
        tree = tree_of(listing)
        reading = _recognized(root, listing, tree, settings)
        reading.remarks.leave_out_masks(masks)
    reading.classes = note_class_folders(tree, reading.places)
    return reading


def _leave_out(listing: Listing, paths: Sequence[str]) -> None:
    if paths:
        left_out = set(paths)
        listing.keep([path not in left_out for path in listing.paths])


def _manifest_of(root: Path, settings: DataConfig) -> Path | None:
    """Return the manifest that names the files, or None where the folder is listed."""
    if settings.manifest is not None:
        return settings.manifest
    if settings.layout == "manifest" or (root.suffix.lower() in MANIFEST_SUFFIXES):
        return root
    return None


def _no_images(root: Path, listing: Listing) -> str:
    reasons = {
        suffix_of(path) or NO_EXTENSION: reason
        for path, reason in zip(listing.passed_over, listing.reasons, strict=True)
        if reason != NOT_AN_IMAGE
    }
    return (
        f"No images under {root} ({listing.hidden} hidden and {listing.other} other files"
        + "".join(f"; {suffix}: {reason}" for suffix, reason in list(reasons.items())[:REASONS])
        + "). Expected folders such as cat/1.png or train/cat/1.png."
    )


def _by_position(root: Path, listing: Listing, tree: Folder, settings: DataConfig) -> Reading:
    """Read the layout that the user has named, folder by folder."""
    reading = Reading(settings.layout, listing)
    split_at, label_at = BY_POSITION[settings.layout]
    for folder in tree.walk():
        parts = folder.path.split("/") if folder.path else []
        split = None
        if split_at is not None and len(parts) > split_at:
            name = parts[split_at]
            split = settings.split_folders.get(name) or split_of(name)
            if split is None and folder.images:
                raise DataFolderError(
                    f"{name}/ under {root} is not named as a split, as layout ="
                    f' "{settings.layout}" demands. Write data.split_folders = {{ "{name}" ='
                    ' "test" }, or another layout.'
                )
            if split is not None:
                reading.splits[name] = split
        label = parts[label_at] if len(parts) > label_at else None
        if label is not None and settings.label_folder == "last":
            label = parts[-1]
        reading.places[folder.path] = split, label
    return _require_labels(root, reading)


def _by_pattern(root: Path, listing: Listing, tree: Folder, settings: DataConfig) -> Reading:
    """Read labels by the user's pattern, and splits where the folders give them."""
    pattern = _compiled(settings.label_pattern or "")
    reading = Reading("flat", listing, source="data.label_pattern")
    finder = BranchFinder(listing.paths, settings.split_folders, reading.remarks)
    try:
        branches = finder.find(tree)
    except DataFolderError:
        # What the folders are doesn't matter, as the pattern says it.
        branches = [Branch(tree)]
    reading.remarks.left_out.clear()
    splits = {
        folder.path: branch.split
        for branch in branches
        if branch.split is not None
        for folder in branch.folder.walk()
    }
    reading.splits.update(finder.splits if splits else {})
    for path, name in zip(listing.paths, listing.names, strict=True):
        match = pattern.search(name)
        reading.rows[path] = splits.get(folder_of(path)), match["label"] if match else None
    return _require_labels(root, reading)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise SettingsError(f"data.label_pattern is not a regular expression: {error}.") from None
    if "label" not in compiled.groupindex:
        raise SettingsError(
            "data.label_pattern must have a group named label, such as ^(?P<label>[a-z]+)_."
            f" Received: {pattern!r}"
        )
    return compiled


def _require_labels(root: Path, reading: Reading) -> Reading:
    if all(label is None for _, label in reading.placed):
        raise DataFolderError(
            f"None of the {len(reading.placed)} images under {root} has a label when read with"
            f" layout = {reading.layout}. Put them in one folder per class, or set"
            " data.label_pattern or data.manifest."
        )
    return reading


def _recognized(root: Path, listing: Listing, tree: Folder, settings: DataConfig) -> Reading:
    """Read a folder whose layout is to be told by itself."""
    reading = Reading("class", listing)
    finder = BranchFinder(listing.paths, settings.split_folders, reading.remarks)
    branches = finder.find(tree)
    reading.splits = finder.splits
    reading.base = finder.base
    flat = _flat_of(branches, settings)
    by_folder = [branch for branch in branches if branch not in flat]
    if by_folder:
        reading.places |= read_classes(by_folder, settings.label_folder, reading.remarks)
        name_numbered_folders(root, reading)
    unnamed: set[str] = set()
    if flat:
        known = {label for _, label in reading.places.values() if label is not None}
        files = FlatFiles(root, listing, flat, settings, known)
        labels = files.label(reading.remarks)
        if labels is None:
            _read_flat_as_classes(files, flat, settings, reading)
        else:
            unnamed = _add_flat(labels, flat, files, reading)
    reading.layout = _layout_name(branches, by_folder, reading)
    _without_left_out(reading, unnamed)
    if not flat:
        read_tables_beside(root, settings, reading)
    return reading


def _flat_of(branches: Sequence[Branch], settings: DataConfig) -> list[Branch]:
    """Return the branches whose images are in no class folders."""
    if settings.layout == "flat":
        return list(branches)
    flat = [branch for branch in branches if not branch.folder.populated]
    return flat or [
        branch
        for branch in branches
        if _may_be_flat(branch) and not _has_known_class(branch, branches)
    ]


def _has_known_class(branch: Branch, branches: Sequence[Branch]) -> bool:
    """Return whether the only sub-folder of a split is one of several classes in another split."""
    known = {name for each in branches if each is not branch for name in several_in(each.folder)}
    return branch.folder.populated.keys() <= known


def _may_be_flat(branch: Branch) -> bool:
    """Return whether the sub-folders of a branch may be no classes."""
    children = branch.folder.populated
    if branch.folder.direct > sum(child.total for child in children.values()):
        return True
    # A single folder of images may be one folder too many as well as a single class.
    is_one = len(children) == 1
    return (is_one or are_chunks(children)) and all(map(is_flat, children.values()))


def _read_flat_as_classes(
    files: FlatFiles, flat: Sequence[Branch], settings: DataConfig, reading: Reading
) -> None:
    """Take sub-folders for classes after all, where there are no labels of another kind."""
    folders = [branch.folder for branch in flat]
    must_be = settings.layout == "flat" or not all(folder.populated for folder in folders)
    if must_be or reading.places:
        files.refuse()
    if are_chunks(folders[0].populated) and not folders[0].direct:
        raise DataFolderError(
            f"{files.explain()} {listed(folders[0].populated)} are named as parts of one whole;"
            ' if they are the classes, set data.layout = "class".'
        )
    reading.places |= read_classes(flat, settings.label_folder, reading.remarks)


def _add_flat(
    labels: FlatLabels, flat: Sequence[Branch], files: FlatFiles, reading: Reading
) -> set[str]:
    """Add the labels of images in no class folders; return those that are left out."""
    unnamed: set[str] = set()
    reading.rows, reading.used, reading.source = labels.rows, labels.used, labels.source or None
    reading.siblings = labels.siblings
    for branch in labels.unlabelled:
        reading.remarks.leave_out(branch.folder, NO_LABELS)
    for branch, paths in zip(flat, files.paths, strict=True):
        others = {path for path in paths if path not in labels.rows}
        unnamed |= others
        if others and branch not in labels.unlabelled:
            where = branch.folder.path or "."
            reading.remarks.left_out.append((where, len(others), f"not in {labels.tables}"))
    if labels.missing:
        reading.remarks.notes.append(
            f"{len(labels.missing)} row{'' if len(labels.missing) == 1 else 's'} of {labels.tables}"
            f" name{'s' if len(labels.missing) == 1 else ''} no image, or more than one, such as"
            f" {labels.missing[0]}; each counts as a file that can't be read."
        )
    for path in labels.missing:
        if not path.startswith("/") and ".." not in path:
            reading.rows[path] = NOWHERE
            reading.errors[path] = (
                f"{labels.tables} names it, but no file, or more than one, is called that"
            )
    return unnamed


def _layout_name(branches: Sequence[Branch], by_folder: Sequence[Branch], reading: Reading) -> str:
    if reading.rows and not by_folder:
        return "flat"
    if any(branch.inner for branch in branches):
        return "class_split"
    return "class" if branches[0].split is None else "split"


def _without_left_out(reading: Reading, unnamed: set[str]) -> None:
    """Drop the images that are left out from the listing; those beside all folders stay."""
    listing, rows = reading.listing, reading.rows
    left_out = tuple(f"{path}/" for path, _, _ in reading.remarks.left_out)
    if left_out:
        folders = {folder_of(path) for path in listing.paths}
        dropped = {folder for folder in folders if f"{folder}/".startswith(left_out)}
        listing.keep(
            [
                path in rows or (path not in unnamed and folder_of(path) not in dropped)
                for path in listing.paths
            ]
        )
    if reading.errors:
        for path in reading.errors:
            listing.add(path, UNKNOWN_STATUS)
        listing.sort()
