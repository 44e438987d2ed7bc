"""Groups of siblings that the user declares: by a pattern of paths, or by a column of a table.

Siblings are images that are no copies of each other, but not independent either: augmented from one
source, or taken of one patient, scene or object. They share a split.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from tasks.errors import SettingsError
from tasks.inventory.columns import SIBLINGS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.config.data import DataConfig
    from tasks.inventory.folder_reading import Reading

# The column of a table, and the group of a pattern.
GROUP_NAME = "group"


def declared_groups(reading: Reading, settings: DataConfig) -> pd.Series:
    """Return the group of each image, None where there is none, in the order of the listing.

    Args:
        reading: its paths, and the groups that a table gives.
        settings: the pattern, which precedes the table where it finds a group.

    Raises:
        SettingsError: the pattern finds no group in any path.
    """
    paths = reading.listing.names
    given = _given(reading)
    if settings.group_pattern is None:
        return given
    found = groups_in(settings.group_pattern, paths)
    if paths and found.isna().all():
        raise SettingsError(
            f"data.group_pattern finds no group in any of the {len(paths)} paths, such as"
            f" {paths[0]}. Received: {settings.group_pattern!r}"
        )
    return found.fillna(given)


def groups_in(pattern: str, paths: Iterable[str]) -> pd.Series:
    """Return the group that a pattern finds in each path; None where it finds none.

    Args:
        pattern: a regular expression with a group named group, which may match nothing.
        paths: relative POSIX paths.
    """
    search = re.compile(pattern).search
    found = (match[GROUP_NAME] if match else None for match in map(search, paths))
    return pd.Series([group or None for group in found], dtype="str")


def describe_groups(groups: pd.Series, settings: DataConfig) -> list[str]:
    """Return a note about the declared groups; none where there are none."""
    if groups.isna().all():
        return []
    source = f"the column {GROUP_NAME}" if settings.group_pattern is None else "data.group_pattern"
    siblings = groups[groups.notna() & groups.duplicated(keep=False)]
    note = (
        f"By {source}, {len(siblings)} of {len(groups)} images have siblings, in"
        f" {siblings.nunique()} groups; the images of a group share a split wherever it is drawn."
    )
    return [note]


def _given(reading: Reading) -> pd.Series:
    if reading.table is not None:
        return reading.table[SIBLINGS].reset_index(drop=True)
    return pd.Series([reading.siblings.get(path) for path in reading.listing.paths], dtype="str")
