"""A folder or a manifest goes in; relative paths with their labels and given splits come out."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks.errors import DataFolderError, SettingsError
from tasks.inventory.columns import ERROR, LABEL, PATH, SPLIT, TEST, TRAIN, VALIDATION
from tasks.inventory.pictures import PICTURE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.config import DataConfig

SPLIT_FOLDERS = {
    "train": TRAIN,
    "training": TRAIN,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
    "test": TEST,
    "testing": TEST,
}
MANIFEST_SUFFIXES = (".csv", ".parquet")


@dataclass
class Listing:
    """What a folder holds.

    Attributes:
        paths: relative POSIX paths of the picture files, sorted.
        hidden: how many hidden files were passed over.
        other: how many files that are no pictures by their suffix were passed over.
    """

    paths: list[str] = field(default_factory=list)
    hidden: int = 0
    other: int = 0


def list_files(root: Path) -> Listing:
    """Walk a folder, following links to folders but never round a loop.

    Raises:
        DataFolderError: the folder, or one below it, is missing or can't be read.
    """
    listing = Listing()
    pending, seen = [root], set()
    while pending:
        folder = pending.pop()
        status = _status_of(folder)
        if status in seen:
            continue
        seen.add(status)
        pending.extend(_list_folder(folder, root, listing))
    listing.paths.sort()
    return listing


def _status_of(folder: Path) -> tuple[int, int]:
    try:
        status = folder.stat()
    except OSError as error:
        raise DataFolderError(f"Can't read the folder {folder}: {error.strerror}.") from None
    return status.st_dev, status.st_ino


def _list_folder(folder: Path, root: Path, listing: Listing) -> list[Path]:
    """Add the files of one folder to the listing and return its sub-folders."""
    try:
        entries = list(os.scandir(folder))
    except NotADirectoryError:
        raise DataFolderError(
            f"{folder} is a file. Give a folder of images, or a manifest"
            f" ({', '.join(MANIFEST_SUFFIXES)})."
        ) from None
    except OSError as error:
        raise DataFolderError(f"Can't read the folder {folder}: {error.strerror}.") from None
    folders = []
    prefix = len(str(root)) + 1
    for entry in entries:
        if entry.name.startswith("."):
            listing.hidden += 1
        elif entry.is_dir():
            folders.append(Path(entry.path))
        elif os.path.splitext(entry.name)[1].lower() in PICTURE_SUFFIXES:  # noqa: PTH122 - a Path per file is too slow
            listing.paths.append(entry.path[prefix:])
        else:
            listing.other += 1
    return folders


def label_files(root: Path, settings: DataConfig) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return path, split, label and error of every picture file, and what else was found.

    `split` is None where the layout gives none; `label` is None where it can't be told; `error` is
    set where the name alone makes a file unreadable.

    ```
    root/                   root/                      root/
    ├── cat/1.png           ├── train/cat/1.png        ├── cat_1.png     label_pattern =
    └── dog/2.png           └── test/dog/2.png         └── dog_2.png     "^(?P<label>[a-z]+)_"
    ```

    Returns:
        The frame, sorted by path, and a dict with layout, hidden and other (counts of files).

    Raises:
        DataFolderError: there are no pictures, or no label can be told for any of them.
        SettingsError: the label pattern is no regular expression with a group named label.
    """
    manifest = _manifest_of(root, settings)
    if manifest is not None:
        return _sorted(_from_manifest(manifest)), {"layout": "manifest", "hidden": 0, "other": 0}
    listing = list_files(root)
    if not listing.paths:
        raise DataFolderError(
            f"No pictures under {root} ({listing.hidden} hidden and {listing.other} other files)."
            " Expected folders such as cat/1.png or train/cat/1.png."
        )
    layout = _layout_of(listing.paths, settings)
    frame = _frame(listing.paths, _labeller(layout, settings), with_split=layout != "class")
    if frame[LABEL].isna().all():
        raise DataFolderError(
            f"No label can be told for any of the {len(frame)} pictures under {root}, read as"
            f" {layout}. Put them in one folder a class, or set data.label_pattern or"
            " data.manifest."
        )
    return _sorted(frame), {"layout": layout, "hidden": listing.hidden, "other": listing.other}


def _manifest_of(root: Path, settings: DataConfig) -> Path | None:
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


def _frame(paths: Iterable[str], label_of: re.Pattern[str], *, with_split: bool) -> pd.DataFrame:
    rows = []
    for raw in paths:
        path = _printable(raw)
        found = label_of.search(path)
        top = path.split("/", 1)[0].lower() if "/" in path else ""
        rows.append(
            (
                path,
                SPLIT_FOLDERS.get(top) if with_split else None,
                found["label"] if found else None,
                None if path == raw else "the file's name is not valid UTF-8; rename it",
            )
        )
    return pd.DataFrame(rows, columns=[PATH, SPLIT, LABEL, ERROR], dtype="str")


def _printable(path: str) -> str:
    """Escape the bytes of a name that are no UTF-8, so that it can be written and shown."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


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
    return frame.assign(**{ERROR: None}).astype("str")


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


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(PATH, ignore_index=True)
