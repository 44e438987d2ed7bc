"""Remembers for ever which split each image is in and why, by content and by path.

An image that was renamed is recognized by its content, one whose file was saved again by its path,
and one that was removed gets its old split when it comes back. A new image of a known group of
declared siblings gets the split of its group, even if none of the others is left.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pandas as pd

from tasks.inventory.columns import GROUP, PATH, SHA256, SIBLINGS, SPLIT
from tasks.inventory.declared_groups import groups_in
from tasks.inventory.splits import AGAIN, REASON
from tasks.storage.checked import believe_parquet, write_checked_parquet
from tasks.storage.hashing import digest
from tasks.storage.locks import file_lock

if TYPE_CHECKING:
    from pathlib import Path

SINCE = "since"
COLUMNS = [SHA256, PATH, SPLIT, REASON, SINCE, SIBLINGS]


class SplitLedger:
    """The splits of one data folder and seed.

    Args:
        folder: holds the ledgers; None remembers nothing.
        root: the data folder.
        seed: of the split; each seed has a ledger of its own.
        group_pattern: finds groups of siblings, also in the paths of images that are gone.

    Attributes:
        entries: sha256, path, split, reason, since (UTC, ISO 8601) and siblings; the oldest first.
    """

    def __init__(
        self, folder: Path | None, root: Path, *, seed: int, group_pattern: str | None = None
    ) -> None:
        self._pattern = group_pattern
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
        known = known.fillna(inventory[PATH].map(by_path).astype("str").mask(similar))
        return known.fillna(self._splits_of_groups(inventory))

    def _splits_of_groups(self, inventory: pd.DataFrame) -> pd.Series:
        """Return the split of each row's siblings, where all of them had the same one."""
        groups = self._groups()
        splits = self.entries[SPLIT].groupby(groups).agg(["first", "nunique"])
        of_group = splits.loc[splits["nunique"] == 1, "first"]
        return inventory[SIBLINGS].map(of_group).astype("str")

    def _groups(self) -> pd.Series:
        """Return the siblings of each entry, as they are declared now."""
        known = self.entries[SIBLINGS]
        if self._pattern is None:
            return known
        return groups_in(self._pattern, self.entries[PATH]).set_axis(known.index).fillna(known)

    def remember(self, inventory: pd.DataFrame, reasons: pd.Series) -> None:
        """Add an entry for each file that has none yet."""
        if self._file is None:
            return
        with file_lock(self._file):
            # What another process remembered in the meantime stays as well.
            self.entries = self._load()
            self._add(inventory, reasons)

    def _add(self, inventory: pd.DataFrame, reasons: pd.Series) -> None:
        # Siblings that were drawn again are known by their new split alone.
        again = inventory.loc[reasons.str.endswith(AGAIN, na=False), [SHA256, SIBLINGS]]
        if len(again):
            is_old = self.entries[SHA256].isin(again[SHA256]) | self._groups().isin(
                again[SIBLINGS].dropna()
            )
            self.entries = self.entries[~is_old]
        rows = inventory[[SHA256, PATH, SPLIT, SIBLINGS]].copy()
        rows[REASON] = reasons
        rows[SINCE] = datetime.now(UTC).isoformat(timespec="seconds")
        new = rows
        if len(self.entries):
            known = pd.MultiIndex.from_frame(self.entries[[SHA256, PATH]])
            new = rows[~pd.MultiIndex.from_frame(rows[[SHA256, PATH]]).isin(known)]
        if self._file is None or new.empty:
            return
        self.entries = pd.concat([self.entries, new], ignore_index=True).astype("str")
        write_checked_parquet(self._file, self.entries)

    def _load(self) -> pd.DataFrame:
        # A damaged one is set aside, as nothing else holds the whole history of the splits; images
        # are then drawn again by their contents, which gives nearly the same splits.
        entries = believe_parquet(self._file) if self._file else None
        if entries is None:
            return pd.DataFrame(columns=COLUMNS, dtype="str")
        # One of an earlier version has no siblings.
        return entries.reindex(columns=COLUMNS).astype("str")
