"""Explains in words why one file of a data folder has its label and its split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.errors import UsageError
from tasks.inventory.columns import (
    ERROR,
    GROUP,
    LABEL,
    PATH,
    PIXEL_HASH,
    SHA256,
    SIBLINGS,
    SPLIT,
)
from tasks.inventory.scan import inventory_of, root_of
from tasks.inventory.split_ledger import SINCE, SplitLedger
from tasks.inventory.splits import REASON

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from tasks.config.schema import RetrainConfig

MEMBERS_SHOWN = 10
LABELLED_BY = {
    "class": "its folder",
    "split": "its folder, below the one of the split",
    "class_split": "its folder, above the one of the split",
    "flat": "data.label_pattern, its name, or a table beside it",
    "manifest": "the manifest",
}


def explain_file(file: Path, config: RetrainConfig) -> dict[str, object]:
    """Explain the label and the split of a file.

    Args:
        file: a path relative to the working directory or to the data folder.
        config: data, seed and home.

    Returns:
        path, label, labelled_by, split, reason, since, group (the files like it and its declared
        siblings, each with its split) and error (None for an image that can be read).

    Raises:
        UsageError: the folder has no such image.
    """
    inventory = inventory_of(config)
    root = root_of(inventory)
    row = _row_of(file, inventory, root)
    entry = _entry_of(row, SplitLedger(config.paths.inventory, root, seed=config.seed))
    return {
        "path": row[PATH],
        "label": _or_none(row[LABEL]),
        "labelled_by": LABELLED_BY[inventory.attrs["layout"]],
        "split": row[SPLIT],
        "reason": None if entry is None else entry[REASON],
        "since": None if entry is None else entry[SINCE],
        "group": _members(row, inventory),
        "error": _or_none(row[ERROR]),
    }


def format_explanation(explained: dict[str, object]) -> str:
    """Return an explanation as lines of text."""
    lines = [
        f"{explained['path']}",
        f"  label  {explained['label']}: by {explained['labelled_by']}",
        f"  split  {explained['split']}: {explained['reason']}, since {explained['since']}",
    ]
    if explained["error"]:
        lines.append(f"  can't be read: {explained['error']}; left out of the training")
    members = explained["group"]
    if isinstance(members, list) and members:
        lines.append(
            "  duplicates, near-duplicates and siblings, which share a split if it is drawn:"
        )
        lines += [
            f"    {member['path']} ({member['split']}, {member['how']})" for member in members
        ]
    return "\n".join(lines)


def _row_of(file: Path, inventory: pd.DataFrame, root: Path) -> pd.Series:
    absolute = file.expanduser().absolute()
    names = [str(file)]
    if absolute.is_relative_to(root):
        names.append(absolute.relative_to(root).as_posix())
    rows = inventory[inventory[PATH].isin(names)]
    if rows.empty:
        raise UsageError(
            f"No image {file} in {root}. Give a path from there, such as {inventory[PATH].iloc[0]}."
        )
    return rows.iloc[0]


def _entry_of(row: pd.Series, ledger: SplitLedger) -> pd.Series | None:
    """Return the ledger's first entry for an image, preferably one under its present path."""
    entries = ledger.entries[ledger.entries[SHA256] == row[SHA256]]
    same_path = entries[entries[PATH] == row[PATH]]
    # A file that was renamed keeps the split, and the reason, of its old path.
    entries = same_path if len(same_path) else entries
    return entries.iloc[0] if len(entries) else None


def _members(row: pd.Series, inventory: pd.DataFrame) -> list[dict[str, str]]:
    # A missing value equals nothing, not even another one.
    is_like, is_sibling = inventory[GROUP].eq(row[GROUP]), inventory[SIBLINGS].eq(row[SIBLINGS])
    others = inventory[(is_like | is_sibling) & (inventory[PATH] != row[PATH])]
    return [
        {
            "path": str(other[PATH]),
            "split": str(other[SPLIT]),
            "how": _how(row, other, is_like=bool(is_like[index])),
        }
        for index, other in others.head(MEMBERS_SHOWN).iterrows()
    ]


def _how(row: pd.Series, other: pd.Series, *, is_like: bool) -> str:
    if not is_like:
        return "sibling"
    return "exact duplicate" if other[PIXEL_HASH] == row[PIXEL_HASH] else "near-duplicate"


def _or_none(value: object) -> str | None:
    """Return text as it is; a missing value of pandas becomes None."""
    return value if isinstance(value, str) else None
