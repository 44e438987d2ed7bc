"""Remembers for ever which split each image is in and why, by content and by path.

An image that was renamed is recognized by its content, one whose file was saved again by its path,
and one that was removed gets its old split when it comes back.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pandas as pd

from tasks.inventory.columns import GROUP, PATH, SHA256, SPLIT
from tasks.inventory.splits import REASON
from tasks.storage.checked import believe_parquet, write_checked_parquet
from tasks.storage.hashing import digest
from tasks.storage.locks import file_lock

if TYPE_CHECKING:
    from pathlib import Path

SINCE = "since"
COLUMNS = [SHA256, PATH, SPLIT, REASON, SINCE]


class SplitLedger:
    """The splits of one data folder and seed.

    Args:
        folder: holds the ledgers; None remembers nothing.
        root: the data folder.
        seed: of the split; each seed has a ledger of its own.

    Attributes:
        entries: sha256, path, split, reason and since (UTC, ISO 8601); the oldest first.
    """

    def __init__(self, folder: Path | None, root: Path, *, seed: int) -> None:
        self._file = (
            folder and folder / f"{digest([str(root.resolve()), seed])[:32]}.splits.parquet"
        )
        self.entries = self._load()

    @property
    def exists(self) -> bool:
        """Whether the ledger has any entries."""
        return not self.entries.empty

    def recover(self, inventory: pd.DataFrame) -> None:
        """Take over the splits of a cached inventory where the ledger itself was lost."""
        if len(inventory):
            self.remember(
                inventory, pd.Series("recovered from the last inventory", index=inventory.index)
            )

    def splits_of(self, inventory: pd.DataFrame) -> pd.Series:
        """Return the split each row had before, None for new images; indexed as the inventory."""
        if self.entries.empty:
            return pd.Series(None, index=inventory.index, dtype="str")
        by_content = self.entries.dropna(subset=SHA256).drop_duplicates(SHA256)
        known = inventory[SHA256].map(by_content.set_index(SHA256)[SPLIT]).astype("str")
        # A path counts only where its old content is gone: otherwise the old image was renamed, and
        # this is another one. It does not count either where similar images are known already.
        gone = self.entries[~self.entries[SHA256].isin(inventory[SHA256])]
        by_path = gone.drop_duplicates(PATH, keep="last").set_index(PATH)[SPLIT]
        similar = inventory[GROUP].isin(inventory.loc[known.notna(), GROUP].dropna())
        return known.fillna(inventory[PATH].map(by_path).astype("str").mask(similar))

    def remember(self, inventory: pd.DataFrame, reasons: pd.Series) -> None:
        """Add an entry for each file that has none yet."""
        if self._file is None:
            return
        with file_lock(self._file):
            # What another process remembered in the meantime stays as well.
            self.entries = self._load()
            self._add(inventory, reasons)

    def _add(self, inventory: pd.DataFrame, reasons: pd.Series) -> None:
        known = pd.MultiIndex.from_frame(self.entries[[SHA256, PATH]])
        rows = inventory[[SHA256, PATH, SPLIT]].copy()
        rows[REASON] = reasons
        rows[SINCE] = datetime.now(UTC).isoformat(timespec="seconds")
        new = rows[~pd.MultiIndex.from_frame(rows[[SHA256, PATH]]).isin(known)]
        if self._file is None or new.empty:
            return
        self.entries = pd.concat([self.entries, new], ignore_index=True).astype("str")
        write_checked_parquet(self._file, self.entries)

    def _load(self) -> pd.DataFrame:
        # A damaged one is set aside, as nothing else holds the whole history of the splits; images
        # are then drawn again by their contents, which gives nearly the same splits.
        entries = believe_parquet(self._file) if self._file else None
        return pd.DataFrame(columns=COLUMNS, dtype="str") if entries is None else entries
