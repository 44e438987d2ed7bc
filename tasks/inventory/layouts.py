"""A folder or a manifest goes in; relative paths with their labels and given splits come out."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks.errors import DataFolderError, SettingsError
from tasks.inventory.columns import (
    ERROR,
    LABEL,
    PATH,
    SPLIT,
    TEST,
    TRAIN,
    VALIDATION,
)
from tasks.inventory.listing import MANIFEST_SUFFIXES, list_files, list_named

if TYPE_CHECKING:
    from tasks.config.data import DataConfig
    from tasks.inventory.listing import Listing

SPLIT_FOLDERS = {
    "train": TRAIN,
    "training": TRAIN,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
    "test": TEST,
    "testing": TEST,
}


def list_data(root: Path, settings: DataConfig) -> Listing:
    """Return the files that a folder holds, or that a manifest names.

    Raises:
        DataFolderError: there are none, or the folder or the manifest can't be read.
    """
    manifest = manifest_of(root, settings)
    if manifest is not None:
        folder = root if root.is_dir() else root.parent
        return list_named(folder, _from_manifest(manifest)[PATH])
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
    """Return path, split, label and error of every image file, and what else was found.

    `split` is None where the layout gives none; `label` is None where it can't be told; `error` is
    set where the name alone makes a file unreadable.

    ```
    root/                   root/                      root/
    ├── cat/1.png           ├── train/cat/1.png        ├── cat_1.png     label_pattern =
    └── dog/2.png           └── test/dog/2.png         └── dog_2.png     "^(?P<label>[a-z]+)_"
    ```

    Args:
        root: folder, or the manifest in its place.
        settings: layout, label pattern and manifest.
        listing: as `list_data` returned it.

    Returns:
        The frame, in the order of the listing, and a dict with layout, hidden and other (counts of
        files).

    Raises:
        DataFolderError: no label can be told for any of them.
        SettingsError: the label pattern is no regular expression with a group named label.
    """
    manifest = manifest_of(root, settings)
    if manifest is not None:
        return _from_manifest(manifest), {"layout": "manifest", "hidden": 0, "other": 0}
    layout = _layout_of(listing.paths, settings)
    frame = _frame(listing, _labeller(layout, settings), with_split=layout != "class")
    if frame[LABEL].isna().all():
        raise DataFolderError(
            f"No label can be told for any of the {len(frame)} images under {root}, read as"
            f" {layout}. Put them in one folder a class, or set data.label_pattern or"
            " data.manifest."
        )
    return frame, {"layout": layout, "hidden": listing.hidden, "other": listing.other}


def manifest_of(root: Path, settings: DataConfig) -> Path | None:
    """Return the manifest that names the files, where there is one."""
    if settings.manifest is not None:
        return settings.manifest
    if settings.layout == "manifest" or (root.suffix.lower() in MANIFEST_SUFFIXES):
        return root
    return None


def _layout_of(paths: list[str], settings: DataConfig) -> str:
    if settings.layout != "auto":
        return settings.layout
    if settings.label_pattern is not None:
        return "flat"
    tops = {path.split("/", 1)[0].lower() for path in paths if "/" in path}
    deep = any(path.count("/") > 1 for path in paths)
    return "split" if tops and deep and tops <= SPLIT_FOLDERS.keys() else "class"


def _labeller(layout: str, settings: DataConfig) -> re.Pattern[str]:
    """One pattern a layout; each captures the label, searched in the path."""
    if layout == "flat":
        return _label_pattern(settings.label_pattern)
    below = "[^/]+/" if layout == "split" else ""
    return re.compile(rf"^{below}(?P<label>[^/]+)/")


def _label_pattern(pattern: str | None) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern or "")
    except re.error as error:
        raise SettingsError(f"data.label_pattern is no regular expression: {error}.") from None
    if "label" not in compiled.groupindex:
        raise SettingsError(
            "data.label_pattern must have a group named label, such as ^(?P<label>[a-z]+)_."
            f" Received: {pattern!r}"
        )
    return compiled


def _frame(listing: Listing, label_of: re.Pattern[str], *, with_split: bool) -> pd.DataFrame:
    names = listing.names
    found = [label_of.search(name) for name in names]
    bad = "the file's name is not valid UTF-8; rename it"
    columns = {
        PATH: names,
        SPLIT: [_split_folder(name) for name in names] if with_split else None,
        LABEL: [match["label"] if match else None for match in found],
        ERROR: [
            None if name == path else bad for name, path in zip(names, listing.paths, strict=True)
        ],
    }
    return pd.DataFrame(
        {name: pd.array(values or [None] * len(names), "str") for name, values in columns.items()}
    )


def _split_folder(path: str) -> str | None:
    top, below, _ = path.partition("/")
    return SPLIT_FOLDERS.get(top.lower()) if below else None


def _from_manifest(manifest: Path) -> pd.DataFrame:
    try:
        table = (
            pd.read_parquet(manifest)
            if manifest.suffix.lower() == ".parquet"
            else pd.read_csv(manifest, dtype="str", keep_default_na=False)
        )
    except (OSError, ValueError) as error:
        raise DataFolderError(f"The manifest {manifest} can't be read: {error}") from None
    missing = {PATH, LABEL} - set(table.columns)
    if missing or table.empty:
        raise DataFolderError(
            f"The manifest {manifest} must have columns path, label and optionally split, and at"
            f" least one row. Received: {len(table)} rows of {list(table.columns)}"
        )
    frame = table.reindex(columns=[PATH, SPLIT, LABEL]).astype("str")
    frame = frame.mask(frame.isin(["", "nan"]) | table.reindex(columns=frame.columns).isna())
    frame[PATH] = [_beside(path) for path in frame[PATH]]
    frame[SPLIT] = _known_splits(frame[SPLIT], manifest)
    _refuse_repeats(frame, manifest)
    return frame.assign(**{ERROR: None}).astype("str").sort_values(PATH, ignore_index=True)


def _beside(path: str) -> str:
    return str(PurePosixPath(path))


def _known_splits(splits: pd.Series, manifest: Path) -> pd.Series:
    known = splits.str.lower().map(SPLIT_FOLDERS)
    strange = sorted(set(splits[splits.notna() & known.isna()]))
    if strange:
        raise DataFolderError(
            f"The manifest {manifest} names splits that are none of {', '.join(SPLIT_FOLDERS)}:"
            f" {', '.join(strange[:5])}."
        )
    return known


def _refuse_repeats(frame: pd.DataFrame, manifest: Path) -> None:
    repeated = frame.loc[frame[PATH].duplicated() | frame[PATH].isna(), PATH]
    if not repeated.empty:
        raise DataFolderError(
            f"The manifest {manifest} has rows without a path or with one twice:"
            f" {', '.join(map(str, repeated.head(5)))}."
        )
