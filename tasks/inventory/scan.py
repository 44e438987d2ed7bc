"""The inventory stage: a data folder goes in; a frame with a row an image file comes out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pandas as pd

from tasks.config.data import existing_data
from tasks.inventory.columns import (
    BYTES,
    COLUMNS,
    ERROR,
    GROUP,
    IMAGE_COLUMNS,
    MTIME_NS,
    PATH,
    SPLIT,
)
from tasks.inventory.duplicates import assign_groups
from tasks.inventory.inventory_cache import InventoryCache
from tasks.inventory.layouts import label_files, list_data, manifest_of
from tasks.inventory.reading import read_files
from tasks.inventory.split_ledger import SplitLedger
from tasks.inventory.splits import REASON, assign_splits

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.config.data import DataConfig
    from tasks.config.schema import RetrainConfig
    from tasks.inventory.image_file import Keep
    from tasks.inventory.listing import Listing


class ImageSink(Protocol):
    """Gets the images while they are open anyway; `generators.eager_decode` is one."""

    def begin(self, root: Path, paths: list[str]) -> Callable[[int], Keep] | None:
        """Say what the images of these files are handed to; see `reading.read_files`."""


def take_inventory(
    settings: DataConfig,
    *,
    seed: int,
    cache_dir: Path | None = None,
    eager_decoder: ImageSink | None = None,
) -> pd.DataFrame:
    """Read every image file of a data folder once.

    Args:
        settings: the folder or manifest, its layout, and the fractions of the split.
        seed: of the split.
        cache_dir: folder that caches what was read, so that a file whose path, size and time are as
            they were is not read again, and which split each image is in.
        eager_decoder: what the images of files that are read are handed to, if anything.

    Returns:
        A frame sorted by path with the columns of `columns.COLUMNS`; `images.describe_image`
        and `looks` say what they mean. `frame.attrs` holds root, layout, hidden and other.

    Raises:
        DataFolderError: the folder is missing, unreadable, empty or of no known layout.
        SettingsError: the label pattern is wrong.
    """
    directory = existing_data(settings)
    root = directory if directory.is_dir() else directory.parent
    ledger = SplitLedger(cache_dir, root, seed=seed)
    cache = None if cache_dir is None else InventoryCache(cache_dir, root, settings, seed=seed)
    listing = list_data(directory, settings)
    if cache and not ledger.exists:
        ledger.recover(cache.with_splits)
    # A manifest can tell other labels of the same files.
    in_folders = manifest_of(directory, settings) is None
    if cache and in_folders and (known := cache.unchanged(listing)) is not None:
        return known
    # Reading starts in processes of its own before the labels are told.
    reading = _start_reading(root, listing, settings, cache, eager_decoder)
    files, found = label_files(directory, settings, listing)
    inventory = assign_groups(
        _joined(files, reading), settings, root=root, pairs_cache=cache.pairs if cache else None
    )
    placed = assign_splits(
        inventory,
        ledger.splits_of(inventory),
        test_fraction=settings.test_fraction,
        validation_fraction=settings.validation_fraction,
        seed=seed,
    )
    inventory = inventory.assign(**{SPLIT: placed[SPLIT]})[list(COLUMNS)]
    inventory.attrs.update(found, root=str(root))
    ledger.remember(inventory, placed[REASON])
    if cache:
        cache.save(inventory)
    return inventory


def inventory_of(config: RetrainConfig, *, eager_decoder: ImageSink | None = None) -> pd.DataFrame:
    """Take the inventory of a model's data with what its home remembers; see `take_inventory`."""
    return take_inventory(
        config.data, seed=config.seed, cache_dir=config.paths.inventory, eager_decoder=eager_decoder
    )


def root_of(inventory: pd.DataFrame) -> Path:
    """Return the folder the inventory's paths are relative to."""
    return Path(inventory.attrs["root"])


def _start_reading(
    root: Path,
    listing: Listing,
    settings: DataConfig,
    cache: InventoryCache | None,
    eager_decoder: ImageSink | None,
) -> Callable[[], pd.DataFrame]:
    """Begin to read what is not known; the function returned waits for all of it.

    That function gives `IMAGE_COLUMNS` in the order of the listing, with gaps for files whose
    name can't be written.
    """
    names = pd.Series(listing.names, dtype="str")
    nameable = names[[name == path for name, path in zip(names, listing.paths, strict=True)]]
    known = pd.DataFrame(columns=list(IMAGE_COLUMNS))
    status = pd.DataFrame({PATH: names, BYTES: listing.sizes, MTIME_NS: listing.times})
    if cache:
        known = cache.still_known(status.loc[nameable.index])
    unknown = status.loc[nameable.index[~nameable.index.isin(known.index)]]
    keeper = None
    if eager_decoder and len(unknown):
        keeper = eager_decoder.begin(root, unknown[PATH].tolist())
    fresh = read_files(root, unknown[PATH], unknown[BYTES], settings, keeper)

    def wait() -> pd.DataFrame:
        images = pd.concat([known, fresh()]) if len(known) else fresh()
        return images.reindex(names.index)

    return wait


def _joined(files: pd.DataFrame, reading: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    images = reading()
    error = files[ERROR].fillna(images[ERROR]).astype("str")
    return pd.concat(
        [files.drop(columns=ERROR), images.assign(**{ERROR: error})], axis="columns"
    ).assign(**{GROUP: None})
