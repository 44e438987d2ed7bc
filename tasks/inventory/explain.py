"""One file of a data folder goes in; why it has its label and its split comes out, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.errors import UsageError
from tasks.inventory.columns import ERROR, GROUP, LABEL, PATH, PIXEL_HASH, SHA256, SPLIT
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
    "flat": "data.label_pattern",
    "manifest": "the manifest",
}


def explain_file(file: Path, config: RetrainConfig) -> dict[str, object]:
    """Say why a file is where it is.

    Args:
        file: a path from the working directory, or from the data folder.
        config: data, seed and home.

    Returns:
        path, label, labelled_by, split, reason, since, group (the files like it, with their
        splits) and error (None for an image).

    Raises:
        UsageError: the folder has no such image.
    """
    inventory = inventory_of(config)
    root = root_of(inventory)
    row = _row_of(file, inventory, root)
    entries = SplitLedger(config.paths.inventory, root, seed=config.seed).entries
    by_content = entries[entries[SHA256] == row[SHA256]]
    known = by_content[by_content[PATH] == row[PATH]] if len(by_content) else entries.iloc[:0]
    known = known if len(known) else by_content
    first = known.iloc[0] if len(known) else None
    return {
        "path": row[PATH],
        "label": _or_none(row[LABEL]),
        "labelled_by": LABELLED_BY[inventory.attrs["layout"]],
        "split": row[SPLIT],
        "reason": None if first is None else first[REASON],
        "since": None if first is None else first[SINCE],
        "group": _members(row, inventory),
        "error": _or_none(row[ERROR]),
    }


def format_explanation(explained: dict[str, object]) -> str:
    """Return an explanation as lines for a person."""
    lines = [
        f"{explained['path']}",
        f"  label  {explained['label']}: by {explained['labelled_by']}",
        f"  split  {explained['split']}: {explained['reason']}, since {explained['since']}",
    ]
    if explained["error"]:
        lines.append(f"  can't be read: {explained['error']}; left out of the training")
    members = explained["group"]
    if isinstance(members, list) and members:
        lines.append("  the same image, or nearly so; a group falls on one side as a whole:")
        lines += [
            f"    {member['path']} ({member['split']}, {member['how']})" for member in members
        ]
    return "\n".join(lines)


def _row_of(file: Path, inventory: pd.DataFrame, root: Path) -> pd.Series:
    here = file.expanduser().absolute()
    names = [str(file)]
    if here.is_relative_to(root):
        names.append(here.relative_to(root).as_posix())
    rows = inventory[inventory[PATH].isin(names)]
    if rows.empty:
        raise UsageError(
            f"No image {file} in {root}. Give a path from there, such as {inventory[PATH].iloc[0]}."
        )
    return rows.iloc[0]


def _members(row: pd.Series, inventory: pd.DataFrame) -> list[dict[str, str]]:
    group = _or_none(row[GROUP])
    if group is None:
        return []
    others = inventory[(inventory[GROUP] == group) & (inventory[PATH] != row[PATH])]
    return [
        {
            "path": str(other[PATH]),
            "split": str(other[SPLIT]),
            "how": "a copy" if other[PIXEL_HASH] == row[PIXEL_HASH] else "a near-duplicate",
        }
        for _, other in others.head(MEMBERS_SHOWN).iterrows()
    ]


def _or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None
