"""Which split each image was put in, and why: remembered for ever, by content and by name.

An image that is renamed is known by its content, one whose file was saved anew by its name, and
one that was removed is in its old split when it comes back.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pandas as pd

from tasks.inventory.columns import GROUP, PATH, SHA256, SPLIT
from tasks.inventory.splits import REASON
from tasks.storage.atomic import write_parquet
from tasks.storage.hashing import digest

if TYPE_CHECKING:
    from pathlib import Path

SINCE = "since"
COLUMNS = [SHA256, PATH, SPLIT, REASON, SINCE]

log = logging.getLogger("pixelgate.inventory")


class SplitLedger:
    """The splits of one data folder and seed.

    Args:
        folder: where ledgers are kept; None remembers nothing.
        root: the data folder.
        seed: of the split; another seed draws every image anew.
    """

    def __init__(self, folder: Path | None, root: Path, *, seed: int) -> None:
        self._file = (
            folder and folder / f"{digest([str(root.resolve()), seed])[:32]}.splits.parquet"
        )
        self.entries = self._load()

    @property
    def exists(self) -> bool:
        """Whether anything is remembered."""
        return not self.entries.empty

    def recover(self, inventory: pd.DataFrame) -> None:
        """Take the splits of an inventory that was remembered, where the record itself is lost."""
        if len(inventory):
            self.remember(
                inventory, pd.Series("recovered from the last inventory", index=inventory.index)
            )

    def splits_of(self, inventory: pd.DataFrame) -> pd.Series:
        """Return the split each row had before, None for newcomers; indexed as the inventory."""
        if self.entries.empty:
            return pd.Series(None, index=inventory.index, dtype="str")
        by_content = self.entries.dropna(subset=SHA256).drop_duplicates(SHA256)
        known = inventory[SHA256].map(by_content.set_index(SHA256)[SPLIT]).astype("str")
        # A name counts where its old content is gone, as otherwise another file has it now, and
        # where no image like the new content is known.
        gone = self.entries[~self.entries[SHA256].isin(inventory[SHA256])]
        by_name = gone.drop_duplicates(PATH, keep="last").set_index(PATH)[SPLIT]
        alike = inventory[GROUP].isin(inventory.loc[known.notna(), GROUP].dropna())
        return known.fillna(inventory[PATH].map(by_name).astype("str").mask(alike))

    def remember(self, inventory: pd.DataFrame, reasons: pd.Series) -> None:
        """Add the files that are not known yet."""
        known = pd.MultiIndex.from_frame(self.entries[[SHA256, PATH]])
        rows = inventory[[SHA256, PATH, SPLIT]].copy()
        rows[REASON] = reasons
        rows[SINCE] = datetime.now(UTC).isoformat(timespec="seconds")
        new = rows[~pd.MultiIndex.from_frame(rows[[SHA256, PATH]]).isin(known)]
        if self._file is None or new.empty:
            return
        self.entries = pd.concat([self.entries, new], ignore_index=True).astype("str")
        write_parquet(self._file, self.entries)

    def _load(self) -> pd.DataFrame:
        empty = pd.DataFrame(columns=COLUMNS, dtype="str")
        if self._file is None or not self._file.exists():
            return empty
        try:
            return pd.read_parquet(self._file, columns=COLUMNS)
        except (OSError, ValueError) as error:
            kept = self._file.with_suffix(".torn")
            self._file.replace(kept)
            log.warning(
                "the record of splits can't be read (%s) and is kept as %s; images are drawn"
                " anew by their contents, which gives nearly the same splits", error, kept,
            )  # fmt: skip
            return empty
