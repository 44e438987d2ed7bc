"""Caches what was read of files; a file whose size or time of change differs is read again.

The cache is one Parquet file per data folder: the inventory as it was last taken. Its name ends in
the SHA-256 of its bytes, so that a torn or altered cache is detected and built again. It also
carries the version of the code and of the settings that its columns depend on.
"""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from tasks.inventory import (
    canonical_views,
    damage,
    deep_values,
    displayed,
    duplicates,
    embed_files,
    embeddings,
    features,
    file_contents,
    image_file,
    image_formats,
    image_registration,
    jpeg_xl,
    opened_image,
    orientation,
    pair_answers,
    plain_png,
    similarity,
    splits,
    turns,
    warped_copies,
)
from tasks.inventory.columns import BYTES, COLUMNS, IMAGE_COLUMNS, MTIME_NS, PATH
from tasks.inventory.pair_answers import PairCache
from tasks.runtime.pretrained_weights import can_embed
from tasks.storage.atomic import write_parquet
from tasks.storage.hashing import digest, file_digest

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence
    from pathlib import Path

    from tasks.config.data import DataConfig
    from tasks.inventory.listing import Listing

EMPTY = pd.DataFrame(columns=list(COLUMNS))

log = logging.getLogger("pixelgate.inventory")


class InventoryCache:
    """The cached inventory of one data folder.

    Args:
        folder: holds the caches.
        root: the data folder.
        settings: the present ones.
        seed: of the split.

    Attributes:
        known: the inventory as it was last taken; no rows where there is no valid cache.
        pairs: the files of the pairs of images that were compared.
    """

    def __init__(self, folder: Path, root: Path, settings: DataConfig, *, seed: int) -> None:
        self._folder, self._seed = folder, seed
        self._name = digest(str(root.resolve()))[:32]
        # Three versions, as they go stale for different reasons: another limit of pixels changes
        # what is read of a file, another fraction of the split only the inventory as a whole.
        compared = _version(
            [similarity, opened_image, orientation, deep_values, displayed, turns, pair_answers],
            self._name,
            settings.max_pixels,
        )
        warped = _version([image_registration], compared)
        self.pairs = PairCache(
            folder / f"pairs-{compared[:32]}.parquet", folder / f"warped-{warped[:32]}.parquet"
        )
        # A plug-in that was installed in the meantime can read what could not be read before.
        read_by = [
            image_file,
            file_contents,
            opened_image,
            plain_png,
            damage,
            deep_values,
            displayed,
            image_formats,
            jpeg_xl,
            orientation,
            features,
        ]
        self._images = _version(read_by, settings.max_pixels, image_formats.plugins_installed())
        all_settings = settings.model_dump(mode="json", exclude={"directory", "workers"})
        by_embedding = [embed_files, embeddings, image_registration, warped_copies]
        self._whole = _version(
            [*read_by, turns, canonical_views, similarity, duplicates, splits, *by_embedding],
            can_embed(),
            all_settings,
            seed,
        )
        self.known = self._load()

    def unchanged(self, listing: Listing, facts: dict[str, Any]) -> pd.DataFrame | None:
        """Return the cached inventory if every file, the settings and the code are unchanged.

        Args:
            listing: the images as they are now.
            facts: how the folder is read now, `reading_summary.describe_reading`. Its key is None
                where a manifest gives the labels, which may be others for the same files.
        """
        known = self.known
        if known.attrs.get("whole") != self._whole or len(known) != len(listing.paths):
            return None
        if facts["key"] is None or known.attrs.get("key") != facts["key"]:
            return None
        same = (
            known[PATH].tolist() == listing.paths
            and (known[BYTES].to_numpy("int64", na_value=-1) == listing.sizes).all()
            and (known[MTIME_NS].to_numpy("int64", na_value=-1) == listing.times).all()
        )
        if not same:
            return None
        unchanged = known.copy(deep=False)
        # Other files may have come or gone, and the same folder may be given by another path.
        unchanged.attrs = cast("dict[Hashable, Any]", {**facts, "drawn": known.attrs["drawn"]})
        return unchanged

    @property
    def with_splits(self) -> pd.DataFrame:
        """The cached inventory if its splits were drawn with this seed; else no rows."""
        return self.known if self.known.attrs.get("seed") == self._seed else EMPTY

    def still_known(self, files: pd.DataFrame) -> pd.DataFrame:
        """Return what was read of the files whose path, size and time are unchanged.

        Args:
            files: path, bytes and mtime_ns as they are now.

        Returns:
            IMAGE_COLUMNS, indexed as the matching rows of `files`.
        """
        now = pd.MultiIndex.from_frame(files[[PATH, BYTES, MTIME_NS]])
        before = pd.MultiIndex.from_frame(self.known[[PATH, BYTES, MTIME_NS]])
        matches = before.get_indexer(now)
        rows = self.known.iloc[matches[matches >= 0]][list(IMAGE_COLUMNS)]
        return rows.set_axis(files.index[matches >= 0])

    def save(self, inventory: pd.DataFrame) -> None:
        """Replace the cache by this inventory."""
        rows = inventory.reset_index(drop=True)
        rows.attrs |= {"images": self._images, "whole": self._whole, "seed": self._seed}
        # The name needs the hash of the bytes, which is known only once they are written.
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
                    "the inventory cache %s is damaged (%s); all files are read again", file, error
                )
                continue
            if known.attrs.get("images") == self._images and list(known) == list(COLUMNS):
                return known
        return EMPTY


def _version(modules: Sequence[object], *settings: object) -> str:
    """Return a hash of everything a row depends on but the file: the code and its settings."""
    # The source, not a version number somebody would have to remember to raise.
    return digest([*map(inspect.getsource, modules), *settings])  # type: ignore[arg-type]
