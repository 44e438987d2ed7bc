"""An inventory goes in; which images and classes lose by one range of values comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from tasks.inventory.columns import LABEL, VALUE_HIGH, VALUE_LOW
from tasks.inventory.deep_values import FAR_OUT
from tasks.inventory.value_ranges import FEW, as_text, levels_of, value_range_of

if TYPE_CHECKING:
    from tasks.config.gate import GateConfig

VALUE_PROBLEM = "value_problem"
CLASS_VALUES = "class_values"
# The values of so few images say nothing about their class.
FEWEST = 5
# Of a class, the most extreme images don't decide.
LEFT_OUT = 0.1


def value_messages(
    inventory: pd.DataFrame, value_range: tuple[float, float] | None, gate: GateConfig
) -> dict[str, pd.Series]:
    """Return messages for images of more than 8 bits, by the name of their column.

    Args:
        inventory: label, split, mode, value_low and value_high.
        value_range: what these images are scaled from; None as they suggest.
        gate: fewest levels of an image, and the largest ratio between classes.

    Returns:
        The values of each image of which scaling leaves too little, and of each class whose values
        take up far less than those of another one.
    """
    value_range = value_range or value_range_of(inventory, "auto")
    if value_range is None:
        return {name: pd.Series(dtype="object") for name in (VALUE_PROBLEM, CLASS_VALUES)}
    return {
        VALUE_PROBLEM: _lost_images(inventory, value_range, gate.value_range.min_levels),
        CLASS_VALUES: _narrow_classes(inventory, gate.class_values.max_ratio),
    }


def _lost_images(
    inventory: pd.DataFrame, value_range: tuple[float, float], min_levels: float
) -> pd.Series:
    # An image of a single value has lost nothing; the rule not_blank names it.
    varied = inventory[inventory[VALUE_LOW].lt(inventory[VALUE_HIGH])]
    low, high = value_range
    is_lost = levels_of(varied, value_range) < min_levels
    is_wide = varied[VALUE_HIGH] - varied[VALUE_LOW] > FAR_OUT * (high - low)
    # A window into the values of all images is no accident.
    if is_wide.mean() <= FEW:
        is_lost |= is_wide
    lost = varied[is_lost]
    between = f"of {as_text(low)} to {as_text(high)}"
    return pd.Series(
        {row: f"{_values(*pair)} {between}" for row, pair in _ranges(lost).items()}, dtype="object"
    )


def _narrow_classes(inventory: pd.DataFrame, max_ratio: float) -> pd.Series:
    """Return a message for each image of a class whose values take up far less than another's."""
    deep = inventory[inventory[VALUE_LOW].notna() & inventory[LABEL].notna()]
    by_class = deep.groupby(LABEL)
    low, high = by_class[VALUE_LOW].quantile(LEFT_OUT), by_class[VALUE_HIGH].quantile(1 - LEFT_OUT)
    width = (high - low)[by_class.size() >= FEWEST]
    width = width[width > 0]
    if width.empty:
        return pd.Series(dtype="object")
    widest = str(width.idxmax())
    beside = f"{as_text(low[widest])} to {as_text(high[widest])} in {widest}"
    narrow = width.index[width * max_ratio < width[widest]]
    messages = {
        label: f"{_values(low[label], high[label])} in {label}, {beside}" for label in narrow
    }
    return deep[LABEL].map(messages).dropna().astype("object")


def _ranges(images: pd.DataFrame) -> dict[int, tuple[float, float]]:
    return dict(
        zip(images.index, zip(images[VALUE_LOW], images[VALUE_HIGH], strict=True), strict=True)
    )


def _values(low: float, high: float) -> str:
    return f"values {as_text(low)} to {as_text(high)}"
