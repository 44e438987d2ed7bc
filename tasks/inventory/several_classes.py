"""Says of the labels in a table why they are not one class for each image."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tasks.inventory.columns import LABEL, PATH

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

ONE_CLASS = "and a model here names one class an image"
PRESENCE = frozenset(("1", "-1", "0"))
# What may stand between several labels of one image; a blank only between whole labels.
BETWEEN = ("|", ";", ",", " ")


def why_not_one_class(labels: pd.Series, column: object) -> str | None:
    """Return why labels are not one class for each image; None if they are."""
    distinct = {label.strip() for label in labels.unique()}
    if isinstance(column, int) and "-1" in distinct <= PRESENCE:
        return (
            "it says of each image whether it shows one class (1 or -1), not which class it shows"
        )
    for separator in BETWEEN:
        several = _joined_by(separator, distinct)
        if several:
            is_several = labels.str.strip().isin(several)
            named = f'; data.columns = {{ label = "{column}" }} takes each combination for a class'
            return (
                f"{with_several(is_several)} ({several[0]!r}), {ONE_CLASS}"
                f"{named if isinstance(column, str) else ''}"
            )
    return None


def _joined_by(separator: str, labels: Collection[str]) -> list[str]:
    """Return the labels that are several others, or parts that recur, with something between."""
    parts = {label: [part.strip() for part in label.split(separator)] for label in sorted(labels)}
    counts = Counter(part for each in parts.values() for part in set(each))
    joined = {label: each for label, each in parts.items() if len(each) > 1 and all(each)}
    is_sure = any(
        set(each) <= set(labels) or (separator != " " and all(counts[part] > 1 for part in each))
        for each in joined.values()
    )
    return list(joined) if is_sure else []


def why_several_rows(several: pd.DataFrame) -> str:
    """Return what is wrong with rows of images that a table names more than once."""
    path, first, second = several[PATH].iloc[0], several[LABEL].iloc[0], several[LABEL].iloc[1]
    return (
        f"it names {several[PATH].nunique()} images more than once with different labels"
        f" ({path}: {first}, {second}), {ONE_CLASS}"
    )


def with_several(is_several: pd.Series) -> str:
    """Return in words how many rows name several classes."""
    count = int(is_several.sum())
    return f"it has {count} row{'' if count == 1 else 's'} with several classes at once"
