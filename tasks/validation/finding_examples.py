"""The result of one expectation goes in; what it offends with, as lines of text, comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks.inventory.columns import FORMAT, PATH, SPLITS
from tasks.validation.evidence import EXPECTATION, OFFENDER_COLUMNS, RULE, VALUE
from tasks.validation.verdict import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES_SHOWN = 10
# Differences of a point or more are worth a line; so are shares that moved noticeably.
HUNDRED_POINTS = 0.995
NOTABLE_NOISE, NOTABLE_PSI, NOTABLE_P_VALUE, CLASSES_NOTED = 0.01, 0.1, 0.001, 3
# Of these, many files offend in few ways: how many of each kind says more than ten paths.
GROUPED_RULES = frozenset(("sizes", "modes", "bit_depth", "class_values", "exif_orientation"))


def offending_rows(
    rule: str, expectation: str, kwargs: dict[str, Any], result: dict[str, Any]
) -> pd.DataFrame:
    """Return one row per offending file, with the columns `OFFENDER_COLUMNS`."""
    rows = result.get("unexpected_index_list") or []
    columns = {
        RULE: rule,
        EXPECTATION: expectation,
        PATH: [row[PATH] for row in rows],
        VALUE: [format_value(row.get(kwargs.get("column"))) for row in rows],
    }
    return pd.DataFrame(columns, columns=list(OFFENDER_COLUMNS)).astype("str")


def with_formats(rows: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Return offending rows whose value is the format of the file: `False` says little.

    Args:
        rows: as `offending_rows` returns them.
        frame: that was validated.
    """
    formats = frame.drop_duplicates(PATH).set_index(PATH)[FORMAT]
    return rows.assign(**{VALUE: rows[PATH].map(formats).astype("str") + " inside"})


def format_value(value: Any) -> str:
    """Return a value of a column or a bound as text."""
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def file_examples(rule: str, rows: pd.DataFrame) -> tuple[list[str], bool]:
    """Return lines for the offending files, and whether each stands for all files of one kind.

    Args:
        rule: name of the rule.
        rows: as `offending_rows` returns them.
    """
    if rule in GROUPED_RULES and len(rows) > FILES_SHOWN:
        return list(_kinds(rows)), True
    shown = rows[[PATH, VALUE]].head(FILES_SHOWN)
    return [f"{path}: {value}" for path, value in shown.itertuples(index=False)], False


def _kinds(rows: pd.DataFrame) -> Iterator[str]:
    """Yield the most frequent values, how many files have each, and what the others are."""
    counts = rows[VALUE].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    first = rows.drop_duplicates(VALUE).set_index(VALUE)[PATH]
    # One line is kept for the rest, unless it would stand for a single value.
    shown = counts if len(counts) <= FILES_SHOWN else counts.head(FILES_SHOWN - 1)
    for value, count in shown.items():
        yield f"{value}: {counted(int(count), 'file')}, such as {first[str(value)]}"
    rest = counts.iloc[len(shown) :]
    if len(rest):
        yield f"{len(rest)} others: {counted(int(rest.sum()), 'file')}"


def other_offenders(result: dict[str, Any], kwargs: dict[str, Any]) -> list[str]:
    """Return the classes that offend, or the numbers that moved, as text."""
    details = result.get("details") or {}
    where = f" in {split}" if (split := split_of(kwargs)) else ""
    counts = details.get("below") or details.get("only") or {}
    counts = counts | details.get("smallest", {}) | details.get("largest", {})
    lines = [f"class {label}: {counted(count, 'image')}{where}" for label, count in counts.items()]
    lines += [" = ".join(repr(label) for label in alike) for alike in details.get("alike", ())]
    lines += _moved_classes(result, kwargs)
    if "count" in details:
        lines.append(_smallest_difference(result))
    if "reference_median" in details:
        lines.append(
            f"median {details['reference_median']:.4g} before, {details['median']:.4g} now"
        )
    if counts_missing_classes(result):
        lines += [f"class {label}: no images{where}" for label in result["partial_missing_list"]]
    return lines


def note_of(rule: str, result: dict[str, Any], kwargs: dict[str, Any]) -> str:
    """Return what is worth a line although the expectation is met; mostly nothing."""
    value = result.get("observed_value")
    if rule == "test_size" and value and value >= NOTABLE_NOISE:
        return _smallest_difference(result)
    is_chance = (result.get("details") or {}).get("p_value", 1.0) > NOTABLE_P_VALUE
    if rule == "split_shares" and value and value >= NOTABLE_PSI and not is_chance:
        moved = ", ".join(_moved_classes(result, kwargs)[:CLASSES_NOTED])
        return f"Shares of classes differ between the splits: {moved}."
    return ""


def _smallest_difference(result: dict[str, Any]) -> str:
    images = counted(result["details"]["count"], "test image")
    noise = result["observed_value"]
    if noise > 1:
        return f"{images}: no difference of accuracy is more than noise, whatever the models"
    return (
        f"{images}: differences of accuracy below {_in_points(noise)} points are noise, whatever"
        " the models"
    )


def _in_points(share: float) -> str:
    """Return a share in hundredths, such as `5.8`; two digits of 100 would be `1e+02`."""
    return f"{100 * share:.2g}" if share < HUNDRED_POINTS else "100"


def _moved_classes(result: dict[str, Any], kwargs: dict[str, Any]) -> list[str]:
    """Return the classes whose share differs most from the reference, as text."""
    moved = (result.get("details") or {}).get("moved", {})
    split = split_of(kwargs)
    before, now = ("in train", f"in {split}") if split else ("before", "now")
    return [
        f"class {label}: {reference:.1%} {before}, {share:.1%} {now}"
        for label, (reference, share) in moved.items()
    ]


def counts_missing_classes(result: dict[str, Any]) -> bool:
    """Return whether a result names values that a column lacks."""
    # Expectations of single rows count missing values too, but not missing classes.
    return "missing_count" in result and "unexpected_count" not in result


def split_of(kwargs: dict[str, Any]) -> str:
    """Return the split whose column an expectation judges; nothing for one of all splits."""
    _, _, split = str(kwargs.get("column", "")).rpartition("_")
    return split if split in SPLITS else ""
