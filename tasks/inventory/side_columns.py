"""Finds out which columns of a table give the split and the group of the images it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from tasks.inventory.columns import PATH, SPLIT, TEST, TRAIN
from tasks.inventory.declared_groups import GROUP_NAME
from tasks.inventory.folder_names import SPLIT_WORDS, split_of, words_of
from tasks.inventory.raw_table import RawTable, path_column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tasks.inventory.file_index import FileIndex

SPLIT_NAMES = frozenset(
    ("split", "splits", "set", "subset", "partition", "data_set", "dataset", "usage", "phase")
)
ONES = {"1": True, "1.0": True, "True": True, "true": True}
ZEROS = {"0": False, "0.0": False, "-1": False, "False": False, "false": False, "": False}


def read_sides(raw: RawTable, index: FileIndex, given: Mapping[str, str]) -> pd.DataFrame | None:
    """Return path, split and group of the images that a table names, whatever else it holds.

    Args:
        raw: the table.
        index: of the images.
        given: the user's names of the columns path, split and group.

    Returns:
        A row for each image; None for a table without one of these columns.
    """
    column = path_column(raw, index, given.get(PATH))
    if column is None:
        return None
    table, column = with_header(raw, index, column)
    rest = table.drop(columns=column)
    split = split_column(rest, given.get(SPLIT))
    # Where folders give the labels, a column called group can't be one.
    group = group_column(rest, {GROUP_NAME: GROUP_NAME, **given})
    rows = pd.DataFrame(
        {
            PATH: raw.find(index, table[column]),
            SPLIT: None if split is None else splits_in_column(table[split], split),
            GROUP_NAME: None if group is None else plain(table[group]),
        },
        index=table.index,
    )
    rows = rows.dropna(subset=PATH).drop_duplicates()
    return None if split is group is None or rows[PATH].duplicated().any() else rows


def with_header(raw: RawTable, index: FileIndex, column: str) -> tuple[pd.DataFrame, str]:
    """Return the table, its first row as header where it is one, and the column's name in it."""
    table = raw.table
    if raw.is_named or raw.find(index, table[column].iloc[:1]) != [None]:
        return table, column
    names = [str(name).strip() for name in table.iloc[0]]
    unique = _unique_names(names)
    return (
        table.iloc[1:].set_axis(unique, axis="columns"),
        unique[list(table.columns).index(column)],
    )


def split_column(table: pd.DataFrame, given: str | None) -> str | None:
    """Return the column that holds splits, by the user's name of it or as splits are called."""
    for column in table.columns:
        title = str(column).strip().lower()
        is_meant = title == given.lower() if given else is_split_title(column)
        values = {value for value in table[column].unique() if value.strip()}
        if is_meant and values and all(split_of(value) for value in values):
            return str(column)
        if _flagged_split(column) and values and values <= ONES.keys() | ZEROS.keys():
            return str(column)
    return None


def splits_in_column(values: pd.Series, column: str) -> pd.Series:
    """Return the split of each row; a column of yes and no is about the split it is named after."""
    flagged = _flagged_split(column)
    if flagged is None:
        return values.map(split_of)
    return values.isin(list(ONES)).map({True: flagged, False: TEST if flagged == TRAIN else TRAIN})


def group_column(table: pd.DataFrame, given: Mapping[str, str]) -> str | None:
    """Return the column of groups; by its name alone not one that must be something else."""
    wanted = given.get(GROUP_NAME, GROUP_NAME).lower()
    if GROUP_NAME not in given and wanted in {name.lower() for name in given.values()}:
        return None
    if GROUP_NAME not in given and len(table.columns) == 1:
        return None
    for column in table.columns:
        if str(column).strip().lower() == wanted:
            return str(column)
    return None


def is_split_title(column: object) -> bool:
    """Return whether a column is called as splits are."""
    return "_".join(words_of(str(column).strip().lower())) in SPLIT_NAMES


def is_numeric(values: pd.Series) -> bool:
    """Return whether all values are numbers."""
    return bool(pd.to_numeric(values, errors="coerce").notna().all())


def plain(labels: pd.Series) -> pd.Series:
    """Return labels without blanks around them, whole numbers as such, and None where empty."""
    text = labels.str.strip()
    if is_numeric(text[text != ""]) and text.str.fullmatch(r"-?\d*(\.0+)?").all():
        text = text.str.replace(r"\.0+$", "", regex=True)
    return text.where(text != "", None)


def _flagged_split(column: object) -> str | None:
    """Return the split that a column of yes and no is about, such as is_valid."""
    words = words_of(str(column).strip().lower())
    return SPLIT_WORDS.get(words[1]) if len(words) == 2 and words[0] == "is" else None  # noqa: PLR2004 - is_valid


def _unique_names(names: Sequence[str]) -> list[str]:
    return [
        name if names.count(name) == 1 else f"{name} {position}"
        for position, name in enumerate(names, 1)
    ]
