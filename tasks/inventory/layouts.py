"""Reads labels and given splits from the paths of a data folder, or from a manifest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks.errors import DataFolderError, SettingsError
from tasks.inventory.columns import ERROR, LABEL, PATH, SPLIT, SPLIT_FOLDERS
from tasks.inventory.listing import MANIFEST_SUFFIXES, list_files, list_named
from tasks.inventory.manifests import read_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.config.data import DataConfig
    from tasks.inventory.listing import Listing


def list_data(root: Path, settings: DataConfig) -> Listing:
    """Return the files in a folder, or those that a manifest names.

    Raises:
        DataFolderError: there are none, or the folder or the manifest can't be read.
    """
    manifest = manifest_of(root, settings)
    if manifest is not None:
        folder = _folder_of(root)
        return list_named(folder, read_manifest(manifest, folder)[PATH])
    listing = list_files(root)
    if not listing.paths:
        raise DataFolderError(
            f"No images under {root} ({listing.hidden} hidden and {listing.other} other files)."
            " Expected folders such as cat/1.png or train/cat/1.png."
        )
    return listing


def label_files(
    root: Path, settings: DataConfig, listing: Listing
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return path, split, label and error of every image file, and facts about the folder.

    `split` is None where the layout gives none, `label` where the path contains none; `error` is
    set where the name alone makes a file unreadable.

    ```
    root/                   root/                      root/
    ├── cat/1.png           ├── train/cat/1.png        ├── cat_1.png     label_pattern =
    └── dog/2.png           └── test/dog/2.png         └── dog_2.png     "^(?P<label>[a-z]+)_"
    ```

    Args:
        root: the folder, or a manifest given instead of one.
        settings: layout, label pattern and manifest.
        listing: as `list_data` returned it.

    Returns:
        The frame, in the order of the listing, and a dict with layout, hidden and other (counts of
        files).

    Raises:
        DataFolderError: none of the files has a label.
        SettingsError: the label pattern is not a regular expression with a group named label.
    """
    manifest = manifest_of(root, settings)
    if manifest is not None:
        frame = read_manifest(manifest, _folder_of(root))
        return frame, {"layout": "manifest", "hidden": 0, "other": 0}
    layout = _layout_of(listing.paths, settings)
    frame = _frame(listing, _labeller(layout, settings), with_split=layout != "class")
    if frame[LABEL].isna().all():
        raise DataFolderError(
            f"None of the {len(frame)} images under {root} has a label when read with layout ="
            f" {layout}. Put them in one folder per class, or set data.label_pattern or"
            " data.manifest."
        )
    return frame, {"layout": layout, "hidden": listing.hidden, "other": listing.other}


def manifest_of(root: Path, settings: DataConfig) -> Path | None:
    """Return the manifest that names the files, or None where the folder is listed."""
    if settings.manifest is not None:
        return settings.manifest
    if settings.layout == "manifest" or (root.suffix.lower() in MANIFEST_SUFFIXES):
        return root
    return None


def _folder_of(root: Path) -> Path:
    return root if root.is_dir() else root.parent


def _layout_of(paths: list[str], settings: DataConfig) -> str:
    if settings.layout != "auto":
        return settings.layout
    if settings.label_pattern is not None:
        return "flat"
    # A class may be called "train": folders are splits only if every one is named as a split and
    # they hold folders themselves.
    tops = {path.split("/", 1)[0].lower() for path in paths if "/" in path}
    deep = any(path.count("/") > 1 for path in paths)
    return "split" if tops and deep and tops <= SPLIT_FOLDERS.keys() else "class"


def _labeller(layout: str, settings: DataConfig) -> re.Pattern[str]:
    """Return the pattern that captures the label in a path of this layout."""
    if layout == "flat":
        return _label_pattern(settings.label_pattern)
    below = "[^/]+/" if layout == "split" else ""
    return re.compile(rf"^{below}(?P<label>[^/]+)/")


def _label_pattern(pattern: str | None) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern or "")
    except re.error as error:
        raise SettingsError(f"data.label_pattern is not a regular expression: {error}.") from None
    if "label" not in compiled.groupindex:
        raise SettingsError(
            "data.label_pattern must have a group named label, such as ^(?P<label>[a-z]+)_."
            f" Received: {pattern!r}"
        )
    return compiled


def _frame(listing: Listing, label_of: re.Pattern[str], *, with_split: bool) -> pd.DataFrame:
    names = listing.names
    matches = [label_of.search(name) for name in names]
    # Parquet can't hold such a name, so the row has an escaped one and the file is not opened.
    bad_name = "the file's name is not valid UTF-8; rename it"
    columns = {
        PATH: names,
        SPLIT: [_split_folder(name) for name in names] if with_split else None,
        LABEL: [match["label"] if match else None for match in matches],
        ERROR: [
            None if name == path else bad_name
            for name, path in zip(names, listing.paths, strict=True)
        ],
    }
    return pd.DataFrame(
        {name: pd.array(values or [None] * len(names), "str") for name, values in columns.items()}
    )


def _split_folder(path: str) -> str | None:
    top, below, _ = path.partition("/")
    return SPLIT_FOLDERS.get(top.lower()) if below else None
