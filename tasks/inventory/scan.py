"""Takes the inventory: turns a data folder into a DataFrame with one row per image file."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from tasks.config.data import data_root, existing_data
from tasks.errors import DataRejectedError
from tasks.inventory.columns import (
    BYTES,
    COLUMNS,
    ERROR,
    GROUP,
    IMAGE_COLUMNS,
    MTIME_NS,
    PATH,
    SIBLINGS,
    SPLIT,
)
from tasks.inventory.declared_groups import declared_groups, describe_groups
from tasks.inventory.duplicates import assign_groups
from tasks.inventory.embeddings import embeddings_of, say_why_not
from tasks.inventory.inventory_cache import InventoryCache
from tasks.inventory.layouts import read_layout
from tasks.inventory.listing import holds_many
from tasks.inventory.reading import READER, read_files
from tasks.inventory.reading_summary import describe_reading
from tasks.inventory.split_ledger import SplitLedger
from tasks.inventory.splits import REASON, assign_splits, drawn_splits
from tasks.runtime.parallel import FILES_WORTH_A_POOL, start_pool_early

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.config.data import DataConfig
    from tasks.config.schema import RetrainConfig
    from tasks.inventory.image_file import OnImage
    from tasks.inventory.listing import Listing


log = logging.getLogger("pixelgate.inventory")


class ImageSink(Protocol):
    """Receives images while the inventory has them open, as `generators.eager_decode` does."""

    def begin(self, root: Path, paths: list[str]) -> Callable[[int], OnImage] | None:
        """Return what `reading.read_files` takes as `writer_for`, or None to receive nothing."""


def take_inventory(
    settings: DataConfig,
    *,
    seed: int,
    cache_dir: Path | None = None,
    eager_decoder: ImageSink | None = None,
    announce: Callable[[dict[str, Any]], None] | None = None,
) -> pd.DataFrame:
    """Read every image file of a data folder once.

    Args:
        settings: the folder or manifest, its layout, and the fractions of the split.
        seed: of the split.
        cache_dir: folder of the inventory cache, by which a file of unchanged path, size and time
            is not read again, and of the split ledger; None reads everything and remembers nothing.
        eager_decoder: receives the images of the files that are read.
        announce: called with how the folder is read, as soon as that is known: before its images
            are decoded.

    Returns:
        A frame sorted by path with the columns of `columns.COLUMNS`, which are described in
        `image_file.describe_image` and `features`. `frame.attrs` holds the root, how the folder was
        read (`reading_summary.describe_reading`), and drawn (the splits that the data doesn't
        give).

    Raises:
        DataFolderError: the folder is missing, unreadable, empty or of no known layout.
        SettingsError: the label pattern is wrong, or the group pattern finds nothing.
    """
    directory = existing_data(settings)
    root = data_root(settings)
    ledger = SplitLedger(cache_dir, root, seed=seed, group_pattern=settings.group_pattern)
    cache = None if cache_dir is None else InventoryCache(cache_dir, root, settings, seed=seed)
    if (cache is None or cache.known.empty) and holds_many(directory, FILES_WORTH_A_POOL):
        # The processes start while the folder is listed.
        start_pool_early(READER, workers=settings.workers)
    reading = read_layout(directory, settings)
    if cache and not ledger.exists:
        ledger.recover(cache.with_splits)
    groups = declared_groups(reading, settings)
    facts = {**describe_reading(reading), "root": str(root)}
    facts["notes"] = [*facts["notes"], *describe_groups(groups, settings)]
    if announce:
        announce(facts)
    if cache and (unchanged := cache.unchanged(reading.listing, facts)) is not None:
        return unchanged
    # Worker processes read the files while this process derives their labels.
    wait_for_images = _start_reading(root, reading.listing, settings, cache, eager_decoder)
    files = reading.frame().assign(**{SIBLINGS: groups})
    rows = _joined(files, wait_for_images())
    say_why_not(rows, settings)
    inventory = assign_groups(
        rows,
        settings,
        root=root,
        embeddings=embeddings_of(rows, settings, root=root, cache_dir=cache_dir),
        cache=cache.pairs if cache else None,
    )
    drawn = drawn_splits(inventory[SPLIT])
    inventory = _with_splits(inventory, ledger, settings, seed=seed)
    inventory.attrs.update(facts, drawn=drawn)
    if cache:
        cache.save(inventory)
    return inventory


def inventory_of(config: RetrainConfig, *, eager_decoder: ImageSink | None = None) -> pd.DataFrame:
    """Take the inventory of a model's data with the caches under its home: `take_inventory`.

    The first line of the log says how the folder is read.
    """
    return take_inventory(
        config.data,
        seed=config.seed,
        cache_dir=config.paths.inventory,
        eager_decoder=eager_decoder,
        announce=_log_reading,
    )


def _log_reading(facts: dict[str, Any]) -> None:
    log.info(facts["sentence"])
    for note in facts["notes"]:
        log.info("note  %s", note)


def require_readable(inventory: pd.DataFrame) -> None:
    """Refuse an inventory in which not a single image can be read.

    Raises:
        DataRejectedError: every row has an error; the message holds the first one.
    """
    if inventory[ERROR].notna().all():
        first = inventory.iloc[0]
        raise DataRejectedError(
            f"None of the {len(inventory)} images under {root_of(inventory)} can be read, such as"
            f" {first[PATH]}: {first[ERROR]}."
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
    """Start to read the files that are not cached; the function returned waits for them.

    That function returns `IMAGE_COLUMNS` in the order of the listing, with gaps for files whose
    name is not valid UTF-8.
    """
    own = listing.names
    names = pd.Series(own, dtype="str")
    printable = names
    if own != listing.paths:
        printable = names[[name == path for name, path in zip(own, listing.paths, strict=True)]]
    known = pd.DataFrame(columns=list(IMAGE_COLUMNS))
    status = pd.DataFrame({PATH: names, BYTES: listing.sizes, MTIME_NS: listing.times})
    if cache:
        known = cache.still_known(status.loc[printable.index])
    unknown = status.loc[printable.index[~printable.index.isin(known.index)]]
    writer_for = None
    if eager_decoder and len(unknown):
        writer_for = eager_decoder.begin(root, unknown[PATH].tolist())
    wait_for_new = read_files(root, unknown[PATH], unknown[BYTES], settings, writer_for)

    def wait() -> pd.DataFrame:
        # An empty frame has no dtypes of its own and would spoil those of the other one.
        images = pd.concat([known, wait_for_new()]) if len(known) else wait_for_new()
        return images.reindex(names.index)

    return wait


def _joined(files: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Join labels and images row by row; the error of a file's name precedes that of reading it."""
    error = files[ERROR].fillna(images[ERROR]).astype("str")
    return pd.concat(
        [files.drop(columns=ERROR), images.assign(**{ERROR: error})], axis="columns"
    ).assign(**{GROUP: None})


def _with_splits(
    inventory: pd.DataFrame, ledger: SplitLedger, settings: DataConfig, *, seed: int
) -> pd.DataFrame:
    """Fill the split column, and enter the splits of new images into the ledger."""
    assigned = assign_splits(
        inventory,
        ledger.splits_of(inventory),
        test_fraction=settings.test_fraction,
        validation_fraction=settings.validation_fraction,
        seed=seed,
    )
    inventory = inventory.assign(**{SPLIT: assigned[SPLIT]})[list(COLUMNS)]
    ledger.remember(inventory, assigned[REASON])
    return inventory
