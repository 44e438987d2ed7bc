"""An inventory goes in; which images lose by one range of values comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from tasks.inventory.columns import VALUE_HIGH, VALUE_LOW
from tasks.inventory.deep_values import FAR_OUT
from tasks.inventory.value_ranges import FEW, as_text, levels_of, value_range_of

if TYPE_CHECKING:
    from tasks.config.gate import GateConfig

VALUE_PROBLEM = "value_problem"


def value_messages(
    inventory: pd.DataFrame, value_range: tuple[float, float] | None, gate: GateConfig
) -> dict[str, pd.Series]:
    """Return messages for images of more than 8 bits, by the name of their column.

    Args:
        inventory: split, mode, value_low and value_high.
        value_range: what these images are scaled from; None as they suggest.
        gate: fewest levels of an image.

    Returns:
        The values of each image of which scaling leaves too little.
    """
    value_range = value_range or value_range_of(inventory, "auto")
    if value_range is None:
        return {name: pd.Series(dtype="object") for name in (VALUE_PROBLEM,)}
    return {
        VALUE_PROBLEM: _lost_images(inventory, value_range, gate.value_range.min_levels),
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


def _ranges(images: pd.DataFrame) -> dict[int, tuple[float, float]]:
    return dict(
        zip(images.index, zip(images[VALUE_LOW], images[VALUE_HIGH], strict=True), strict=True)
    )


def _values(low: float, high: float) -> str:
    return f"values {as_text(low)} to {as_text(high)}"
