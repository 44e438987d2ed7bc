"""Where the images are, and how their labels and splits are read."""

from __future__ import annotations

import difflib
import os
import re
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from tasks.config.base import Fraction, Part, PathName, Positive
from tasks.errors import DataFolderError

if TYPE_CHECKING:
    from pathlib import Path

# The patterns, the group that each must name, and an example.
EXAMPLES = {
    "label_pattern": ("label", "^(?P<label>[a-z]+)_"),
    "group_pattern": ("group", r"(?P<group>patient_\d+)"),
}


ARCHIVE_SUFFIXES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
MANIFEST_SUFFIXES = (".csv", ".parquet")
FOLDERS_SHOWN = 4


class DataConfig(Part):
    """Where the images are and how their labels and splits are read."""

    directory: PathName | None = Field(
        None, description="Folder of images, or a CSV or Parquet manifest (path, label, split)."
    )
    layout: Literal["auto", "class", "split", "class_split", "flat", "manifest"] = Field(
        "auto",
        description="class (class/file), split (split/class/file), class_split (class/split/file),"
        " flat (labels read from file names or by label_pattern), manifest, or auto: recognised"
        " from the folder itself.",
    )
    label_folder: Literal["auto", "first", "last"] = Field(
        "auto",
        description="Which folder names the class where there are folders in the class folders:"
        " the first (animals in animals/cat/1.png) or the last (cat).",
    )
    split_folders: dict[str, Literal["train", "validation", "test"]] = Field(
        {},
        description="Splits by the names of their folders, beyond the common ones, such as"
        ' { fold_5 = "test" }.',
    )
    leave_out: list[str] = Field(
        [],
        description="Names or relative paths of folders and files to leave out, with wildcards,"
        " such as ['masks', '*_mask.png'].",
    )
    label_pattern: str | None = Field(
        None,
        description="Regular expression with a group named `label`, such as"
        r" ^(?P<label>[a-z]+)_\d+, that is searched for in the relative path.",
    )
    group_pattern: str | None = Field(
        None,
        description="Regular expression with a group named `group`, such as"
        r" (?P<group>patient_\d+), that is searched for in the relative path: images of one group"
        " are siblings, such as augmented from one source, and share a split.",
    )
    manifest: PathName | None = Field(
        None,
        description="CSV or Parquet file with columns path, label and optionally split and group.",
    )
    columns: dict[Literal["path", "label", "split", "group"], str] = Field(
        {},
        description="What the columns of the manifest, or of a table beside the images, are"
        ' called, such as { path = "image_id", label = "breed" }; default: recognised.',
    )
    test_fraction: Fraction = Field(
        0.2, description="Share of images held out for testing where the data has no test split."
    )
    validation_fraction: Fraction = Field(
        0.1,
        description="Share of the training images held out for validation where the data has no"
        " validation split.",
    )
    near_duplicates: Annotated[float, Field(gt=0.9, lt=1)] | None = Field(
        0.997,
        description="Smallest correlation of two thumbnails for near-duplicates, which share a"
        " split; the pixels must confirm it. None: only exact copies share a split.",
    )
    embeddings: Literal["auto", "always", "never"] = Field(
        "auto",
        description="Whether the gate compares what images show, by a network that has seen"
        " ImageNet: for label errors, outliers, warped copies and drift. auto: for large colour"
        " photographs, where the extra pretrained is installed.",
    )
    max_embedded: Positive = Field(
        50_000,
        description="With embeddings = auto, more photographs are not embedded: these take about"
        " five minutes on two cores, the first time.",
    )
    max_pixels: Positive = Field(
        50_000_000,
        description="An image with more pixels is not decoded: it may be a decompression bomb.",
    )
    workers: Positive | None = Field(
        None, description="Processes that read images; default: one per core."
    )

    @field_validator(*EXAMPLES)
    @classmethod
    def _has_its_named_group(cls, pattern: str | None, info: ValidationInfo) -> str | None:
        name, example = EXAMPLES[str(info.field_name)]
        try:
            is_named = pattern is None or name in re.compile(pattern).groupindex
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        if not is_named:
            raise ValueError(f"no group is named {name}, as in {example}")
        return pattern


def existing_data(settings: DataConfig) -> Path:
    """Return the data folder; where only a manifest is set, the folder it is in.

    Raises:
        DataFolderError: no folder is set, it doesn't exist, or it is a file that is no manifest.
    """
    directory = settings.directory
    if directory is None and settings.manifest is not None:
        directory = settings.manifest.parent
    if directory is None:
        raise DataFolderError("No data folder is set. Give --data DIR or set data.directory.")
    if not directory.exists():
        raise DataFolderError(
            f"No such data folder: {directory}.{_what_is_there(directory)} Check --data"
            " (data.directory)."
        )
    if directory.is_file() and directory.suffix.lower() in ARCHIVE_SUFFIXES:
        raise DataFolderError(f"{directory} is an archive. Unpack it and give the folder.")
    if directory.is_file() and not _is_manifest(directory, settings):
        raise refused_file(directory)
    return directory


def refused_file(file: Path) -> DataFolderError:
    """Return the error of a file that was given where a folder or a manifest is expected."""
    return DataFolderError(
        f"{file} is a file. Give a folder of images, or a manifest"
        f" ({', '.join(MANIFEST_SUFFIXES)})."
    )


def _is_manifest(file: Path, settings: DataConfig) -> bool:
    return settings.layout == "manifest" or file.suffix.lower() in MANIFEST_SUFFIXES


def data_root(settings: DataConfig) -> Path:
    """Return the folder that paths are relative to: the data folder, or that of the manifest.

    Raises:
        DataFolderError: no folder is set, or it doesn't exist.
    """
    directory = existing_data(settings)
    return directory if directory.is_dir() else directory.parent


def _what_is_there(missing: Path) -> str:
    """Return what the nearest folder above a missing one holds, in words."""
    parent = next((folder for folder in missing.parents if folder.is_dir()), None)
    if parent is None:
        return ""
    wanted = missing.relative_to(parent).parts[0]
    try:
        there = sorted(entry.name for entry in os.scandir(parent) if entry.is_dir())
    except OSError:
        return f" {parent} can't be read."
    names = {name.lower(): name for name in there if not name.startswith(".")}
    close = difflib.get_close_matches(wanted.lower(), names, n=1)
    if close:
        return f" Did you mean {parent / names[close[0]]}?"
    shown = ", ".join(f"{name}/" for name in [*names.values()][:FOLDERS_SHOWN])
    more = " and others" if len(names) > FOLDERS_SHOWN else ""
    return f" {parent} has no {wanted}" + (
        f", but {shown}{more}." if shown else " and holds no folders."
    )
