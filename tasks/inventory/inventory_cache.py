"""What was read of unchanged files before; a file whose size or time moved is read again.

The cache is a Parquet file a data folder, an inventory as it was last taken. Its name ends in the
SHA-256 of its bytes, so that one that is torn or altered is not believed but made anew, and it
carries the version of the code and the settings its columns follow from.
"""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING

import pandas as pd

from tasks.inventory import duplicates, features, image_file, layouts, similarity, splits
from tasks.inventory.columns import BYTES, COLUMNS, IMAGE_COLUMNS, MTIME_NS, PATH
from tasks.storage.atomic import write_parquet
from tasks.storage.hashing import digest, file_digest

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.config.data import DataConfig
    from tasks.inventory.listing import Listing

EMPTY = pd.DataFrame(columns=list(COLUMNS))

log = logging.getLogger("pixelgate.inventory")


class InventoryCache:
    """The remembered inventory of one data folder.

    Args:
        folder: where caches are kept.
        root: the data folder.
        settings: as they are now.
        seed: of the split.

    Attributes:
        known: the inventory as it was; no rows where there is nothing to believe.
        pairs: Parquet file of the pairs of images that were compared.
    """

    def __init__(self, folder: Path, root: Path, settings: DataConfig, *, seed: int) -> None:
        self._folder, self._root, self._seed = folder, root, seed
        self._name = digest(str(root.resolve()))[:32]
        compared = _version([similarity], self._name, settings.max_pixels)
        self.pairs = folder / f"pairs-{compared[:32]}.parquet"
        self._images = _version([image_file, features], settings.max_pixels)
        told = settings.model_dump(mode="json", exclude={"directory", "workers"})
        self._whole = _version(
            [image_file, features, layouts, similarity, duplicates, splits], told, seed
        )
        self.known = self._load()

    def unchanged(self, listing: Listing) -> pd.DataFrame | None:
        """Return the inventory as it was, if every file, the settings and the code are."""
        known = self.known
        if known.attrs.get("whole") != self._whole or len(known) != len(listing.paths):
            return None
        same = (
            known[PATH].tolist() == listing.paths
            and (known[BYTES].to_numpy("int64", na_value=-1) == listing.sizes).all()
            and (known[MTIME_NS].to_numpy("int64", na_value=-1) == listing.times).all()
        )
        if not same:
            return None
        unchanged = known.copy(deep=False)
        unchanged.attrs = {
            "layout": known.attrs["layout"],
            "hidden": listing.hidden,
            "other": listing.other,
            "root": str(self._root),
        }
        return unchanged

    @property
    def with_splits(self) -> pd.DataFrame:
        """The inventory as it was, if its splits are of this seed; else no rows."""
        return self.known if self.known.attrs.get("seed") == self._seed else EMPTY

    def still_known(self, files: pd.DataFrame) -> pd.DataFrame:
        """Return what was read of files whose path, size and time are as they were.

        Args:
            files: path, bytes and mtime_ns as they are now.

        Returns:
            IMAGE_COLUMNS, indexed as the matching rows of `files`.
        """
        now = pd.MultiIndex.from_frame(files[[PATH, BYTES, MTIME_NS]])
        before = pd.MultiIndex.from_frame(self.known[[PATH, BYTES, MTIME_NS]])
        places = before.get_indexer(now)
        rows = self.known.iloc[places[places >= 0]][list(IMAGE_COLUMNS)]
        return rows.set_axis(files.index[places >= 0])

    def save(self, inventory: pd.DataFrame) -> None:
        """Remember an inventory, whole or not at all."""
        rows = inventory.reset_index(drop=True)
        rows.attrs |= {"images": self._images, "whole": self._whole, "seed": self._seed}
        unnamed = write_parquet(self._folder / f"{self._name}.parquet", rows)
        name = f"{self._name}-{file_digest(unnamed)}.parquet"
        unnamed.replace(unnamed.with_name(name))
        for file in self._files():
            if file.name != name:
                file.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(f"{self._name}-*.parquet"))

    def _load(self) -> pd.DataFrame:
        for file in self._files():
            try:
                if file_digest(file) != file.stem.partition("-")[2]:
                    raise ValueError("its bytes are not those that were written")  # noqa: TRY301 - handled as a torn file is
                known = pd.read_parquet(file)
            except Exception as error:  # noqa: BLE001 - a torn file raises anything; none of it matters
                log.warning(
                    "the inventory cache %s is not believed (%s); reading files again", file, error
                )
                continue
            if known.attrs.get("images") == self._images and list(known) == list(COLUMNS):
                return known
        return EMPTY


def _version(modules: list[object], *settings: object) -> str:
    """Name what a row follows from beside the file: the code that made it and its settings."""
    return digest([*map(inspect.getsource, modules), *settings])  # type: ignore[arg-type]
