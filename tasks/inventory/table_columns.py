"""Finds out which columns of a table name the files, the labels and the splits.

A table of text goes in; a `LabelTable` comes out, or the reason why it is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks.inventory.columns import LABEL, PATH, SPLIT
from tasks.inventory.declared_groups import GROUP_NAME
from tasks.inventory.folder_names import words_of
from tasks.inventory.raw_table import RawTable, path_column
from tasks.inventory.several_classes import (
    ONE_CLASS,
    why_not_one_class,
    why_several_rows,
    with_several,
)
from tasks.inventory.side_columns import (
    ONES,
    ZEROS,
    group_column,
    is_numeric,
    is_split_title,
    plain,
    split_column,
    splits_in_column,
    with_header,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tasks.inventory.file_index import FileIndex

# The names of columns, best first.
LABEL_NAMES = (
    "label", "labels", "class", "classes", "class_name", "classname", "class_label", "label_name",
    "category", "categories", "category_name", "target", "targets", "breed", "species", "diagnosis",
    "dx", "disease", "variety", "cultivar", "genus", "emotion", "finding_labels", "y", "class_id",
    "label_id", "category_id", "target_id", "ground_truth", "gt", "annotation",
)  # fmt: skip
# Words that say the same at the end of a longer name, such as primary_label.
LABEL_WORDS = frozenset(
    ("label", "labels", "class", "category", "target", "breed", "species", "diagnosis", "disease")
)
MAX_DISTINCT = 0.5
MIN_LABELS, FEW_ROWS = 2, 5


@dataclass(frozen=True)
class LabelTable:
    """The labels of a table.

    Attributes:
        file: relative path of the table.
        rows: path, label, split and group of each row; a path that no file has is as written.
        missing: number of rows that name no file.
        label_column: what the labels were read from, in words, such as `column breed`.
        is_sure: whether that column's name is one of a label.
        names_file: relative path of the file that gave numbered labels their names.
    """

    file: str
    rows: pd.DataFrame
    missing: int
    label_column: str
    is_sure: bool
    names_file: str | None = None


def read_columns(
    raw: RawTable, index: FileIndex, given: Mapping[str, str], known: Collection[str] = ()
) -> LabelTable | str:
    """Return the labels of a table, or in words why it has none.

    Args:
        raw: the table.
        index: of the images.
        given: the user's names of the columns path, label, split and group.
        known: classes that are known already.
    """
    column = path_column(raw, index, given.get(PATH))
    if column is None:
        return "none of its columns names the images"
    table, column = with_header(raw, index, column)
    named = raw.is_named or table is not raw.table
    rest = table.drop(columns=column)
    split = split_column(rest, given.get(SPLIT))
    group = group_column(rest.drop(columns=split or []), given)
    found = _labels(
        rest.drop(columns=[name for name in (split, group) if name is not None]),
        given.get(LABEL),
        known,
        named=named,
    )
    if isinstance(found, str):
        return found
    labels, label_column, is_sure = found
    paths = raw.find(index, table[column])
    rows = pd.DataFrame(
        {
            PATH: [path or name for path, name in zip(paths, table[column], strict=True)],
            LABEL: plain(labels),
            SPLIT: None if split is None else splits_in_column(table[split], split),
            GROUP_NAME: None if group is None else plain(table[group]),
        },
        index=table.index,
    )
    # What is said of an image several times in the same words is said once.
    rows = rows.drop_duplicates()
    twice = rows[PATH].duplicated(keep=False)
    if twice.any():
        return why_several_rows(rows[twice].sort_values(PATH))
    missing = sum(path is None for path in raw.find(index, rows[PATH]))
    return LabelTable(raw.file, rows, missing, _in_text(label_column), is_sure)


def _in_text(column: object) -> str:
    """Return a column in words; one without a name is counted from 1."""
    if isinstance(column, int):
        return f"column {column + 1}"
    return str(column) if str(column).startswith("columns ") else f"column {column}"


def _labels(
    table: pd.DataFrame, given: str | None, known: Collection[str], *, named: bool
) -> tuple[pd.Series, object, bool] | str:
    """Return the labels, where they come from, and whether that is certain."""
    if given is not None:
        wanted = [name for name in table.columns if str(name).strip().lower() == given.lower()]
        return (table[wanted[0]], str(wanted[0]), True) if wanted else f"it has no column {given}"
    if not len(table.columns):
        return "it has no column beside the one of the images"
    sure = _sure_column(table, known, named=named)
    found = (table[sure], sure, True) if sure is not None else _one_hot(table)
    found = found or _only_column(table)
    if isinstance(found, str):
        return found
    return why_not_one_class(found[0], found[1]) or found


def _sure_column(table: pd.DataFrame, known: Collection[str], *, named: bool) -> Any:
    """Return the column that holds known classes, or is called as a label is."""
    of_known = [name for name in table.columns if known and set(table[name]) <= set(known)]
    if of_known:
        return of_known[0]
    by_name = sorted(
        (rank, position, column)
        for position, column in enumerate(table.columns)
        if named
        and (_recurs(table[column]) or len(set(table[column])) == 1)
        and (rank := _label_rank(str(column))) is not None
    )
    return _in_words(table, [column for *_, column in by_name]) if by_name else None


def _only_column(table: pd.DataFrame) -> tuple[pd.Series, object, bool] | str:
    """Return the one column that can be the label."""
    columns = [
        column
        for column in table.columns
        # Numbers of a split are none of a class.
        if _recurs(table[column]) and not (is_split_title(column) and is_numeric(table[column]))
    ]
    texts = [column for column in columns if not is_numeric(table[column])]
    for group in (columns, texts):
        if len(group) == 1:
            return table[group[0]], group[0], False
    return (
        f"which of its columns is the label can't be told: {', '.join(map(str, table.columns))};"
        ' write data.columns = { label = "..." }'
    )


def _label_rank(title: str) -> int | None:
    words = words_of(title)
    name = "_".join(words)
    if name in LABEL_NAMES:
        return LABEL_NAMES.index(name)
    return len(LABEL_NAMES) if words and words[-1] in LABEL_WORDS else None


def _recurs(values: pd.Series) -> bool:
    """Return whether values recur as labels do; in a few rows they need not."""
    distinct = values.nunique()
    return MIN_LABELS <= distinct <= max(FEW_ROWS, MAX_DISTINCT * len(values))


def _in_words(table: pd.DataFrame, columns: Sequence[str]) -> str:
    """Return the first column, or one that has the same labels in words."""
    first, *others = columns
    if is_numeric(table[first]):
        for other in others:
            pairs = table[[first, other]].drop_duplicates()
            if not is_numeric(table[other]) and len(pairs) == table[first].nunique():
                return other
    return first


def _one_hot(table: pd.DataFrame) -> tuple[pd.Series, object, bool] | str | None:
    """Return the names of the columns that hold a 1, where each row has one of them."""
    flags = [
        column
        for column in table.columns
        if set(table[column]) <= ONES.keys() | ZEROS.keys() and set(table[column]) & ONES.keys()
    ]
    if len(flags) < MIN_LABELS:
        return None
    ones = table[flags].isin(list(ONES))
    counts = ones.sum(axis="columns")
    if (counts > 1).any():
        return f"{with_several(counts > 1)} (columns {_shown(flags)}), {ONE_CLASS}"
    labels = ones.idxmax(axis="columns").where(counts == 1, "").astype("str")
    return labels, f"columns {_shown(flags)}", True


def _shown(columns: Sequence[object]) -> str:
    return ", ".join(map(str, columns[:5])) + (", ..." if len(columns) > 5 else "")  # noqa: PLR2004 - as many as a line holds
