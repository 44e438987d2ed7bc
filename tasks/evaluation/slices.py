"""Test images and whether each was classified correctly go in; accuracies of their slices come out.

A slice is what has one property in common: a class, a folder, the darkest quarter, one format. An
average hides a slice on which a model fails; so does each of two properties where only those images
fail that have both (Sagadeeva and Boehm, SliceLine, SIGMOD 2021).
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tasks.evaluation.metrics import wilson_interval
from tasks.inventory.columns import (
    BRIGHTNESS,
    CONTRAST,
    FORMAT,
    HEIGHT,
    LABEL,
    MODE,
    PATH,
    SHARPNESS,
    WIDTH,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of the columns that say in which slices an image is; that of the class is its label.
PREFIX = "slice_"
QUARTERS = ("lowest quarter", "second quarter", "third quarter", "highest quarter")
# A property of more values, such as a folder for each image, is no slice of the set.
MOST_VALUES = 40
# With fewer images an accuracy says nothing.
MIN_IMAGES, MIN_SHARE = 10, 0.01
CONJUNCTIONS, PROPERTIES = 5, 2
# How much the error of a slice counts against its size, in SliceLine's score.
ERROR_WEIGHT = 0.95


def slice_columns(images: pd.DataFrame, more: pd.DataFrame | None = None) -> pd.DataFrame:
    """Say in which slices each image is.

    Args:
        images: rows of an inventory.
        more: other properties of the same images, such as columns of a manifest.

    Returns:
        A str column for each property, named PREFIX and its name: folder, size, brightness,
        contrast, sharpness, format, mode, and those of `more`. A property that all images share, or
        that says nothing beyond the label, is left out.
    """
    area = images[HEIGHT].astype("float64") * images[WIDTH].astype("float64")
    columns = {
        "folder": images[PATH].map(lambda path: str(PurePosixPath(path).parent)),
        "size": _quarters(area.pow(0.5)),
        **{name: _quarters(images[name]) for name in (BRIGHTNESS, CONTRAST, SHARPNESS)},
        FORMAT: images[FORMAT],
        MODE: images[MODE],
    }
    if more is not None:
        columns |= {str(name): _values(more[name]) for name in more}
    kept = {
        f"{PREFIX}{name}": values.astype("str")
        for name, values in columns.items()
        if _is_a_property(values, images[LABEL])
    }
    return pd.DataFrame(kept, index=images.index)


def _quarters(values: pd.Series) -> pd.Series:
    """Return the quarter that each value is in, in words with its bounds."""
    numbers = values.astype("float64")
    edges = np.unique(numbers.quantile([0, 0.25, 0.5, 0.75, 1]).dropna())
    # Half of the images may have one size: there are no quarters then.
    if len(edges) != len(QUARTERS) + 1:
        return pd.Series("all", index=values.index)
    names = [
        f"{name} ({low:.3g} to {high:.3g})"
        for name, low, high in zip(QUARTERS, edges[:-1], edges[1:], strict=True)
    ]
    # The lowest value is in the lowest quarter, and a value on an edge in the lower one.
    quarter = np.searchsorted(edges[1:-1], numbers.to_numpy(), side="left")
    return pd.Series(np.array(names, dtype=object)[quarter], index=values.index).where(
        numbers.notna()
    )


def _values(values: pd.Series) -> pd.Series:
    """Return a property of the user's: quarters of many numbers, all else as it is."""
    if pd.api.types.is_numeric_dtype(values) and values.nunique() > MOST_VALUES:
        return _quarters(values)
    return values


def _is_a_property(values: pd.Series, labels: pd.Series) -> bool:
    kinds = values.nunique()
    return 1 < kinds <= MOST_VALUES and bool(labels.groupby(values).nunique().gt(1).any())


def slices_of(table: pd.DataFrame) -> Iterator[tuple[str, str, pd.Series]]:
    """Yield property, value and (images,) bool of each slice that is large enough to say something.

    Classes are not among them: they have measures and rules of their own.

    Args:
        table: the columns of `slice_columns`, among others.
    """
    least = max(MIN_IMAGES, MIN_SHARE * len(table))
    for column in _slice_names(table):
        for value, count in table[column].value_counts().sort_index().items():
            if count >= least:
                yield column.removeprefix(PREFIX), str(value), table[column] == value


def _slice_names(table: pd.DataFrame) -> list[str]:
    return [str(name) for name in table if str(name).startswith(PREFIX)]


def measure_slices(
    table: pd.DataFrame, right: pd.Series, confidence_level: float
) -> list[dict[str, Any]]:
    """Measure the accuracy of each slice.

    Args:
        table: the columns of `slice_columns`, among others; a row for each image.
        right: (images,) bool, whether it is classified correctly.
        confidence_level: of the accuracies' intervals (Wilson).

    Returns:
        property, value, images, accuracy, low and high of each slice.
    """
    rows = []
    for name, value, inside in slices_of(table):
        count, correct = int(inside.sum()), int(right[inside].sum())
        low, high = wilson_interval(correct, count, confidence_level)
        rows.append(
            {
                "property": name,
                "value": value,
                "images": count,
                "accuracy": correct / count,
                "low": low,
                "high": high,
            }
        )
    return rows


def worst_conjunctions(table: pd.DataFrame, right: pd.Series) -> list[dict[str, Any]]:
    """Find the slices of one or two properties that have most of the mistakes for their size.

    Args:
        table: label and the columns of `slice_columns`, a row for each image.
        right: (images,) bool, whether it is classified correctly.

    Returns:
        slice (in words), images and accuracy, the worst first; only slices worse than the average.
    """
    from sliceline.slicefinder import Slicefinder

    names = [LABEL, *_slice_names(table)]
    errors = (~right).astype("int64").to_numpy()
    if errors.all() or not errors.any():
        return []
    finder = Slicefinder(
        alpha=ERROR_WEIGHT,
        k=CONJUNCTIONS,
        max_l=PROPERTIES,
        min_sup=int(max(MIN_IMAGES, MIN_SHARE * len(table))),
        verbose=False,
    ).fit(table[names].astype("str").to_numpy(object), errors)
    found = []
    for values, numbers in zip(finder.top_slices_, finder.top_slices_statistics_, strict=True):
        parts = [
            f"{'class' if name == LABEL else name.removeprefix(PREFIX)} {value}"
            for name, value in zip(names, values, strict=True)
            if value is not None
        ]
        accuracy = 1 - float(numbers["slice_average_error"])
        if accuracy < 1 - errors.mean():
            found.append(
                {
                    "slice": " and ".join(parts),
                    "images": int(numbers["slice_size"]),
                    "accuracy": accuracy,
                }
            )
    return found
