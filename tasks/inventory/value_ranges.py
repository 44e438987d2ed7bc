"""The values of images of more than 8 bits go in; the range they are scaled from comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.inventory.columns import (
    BIT_DEPTH,
    MODE,
    SPLIT,
    TRAIN,
    VALUE_HIGH,
    VALUE_LOW,
    readable,
)
from tasks.inventory.deep_values import natural_range

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from tasks.config.generators import GeneratorConfig

LEVELS = 256
# The most extreme images, such as overexposed ones, don't decide on all others.
LEFT_OUT = 0.01
# A usual range of which the values fill less is not theirs: a thermal camera's lie close together.
FILLED = 0.25
# Without a range, 16 bits are taken for what they are and floats for 0 to 255.
WITHOUT_RANGE = {False: (0.0, 65535.0), True: (0.0, 255.0)}


def choose_value_range(
    images: pd.DataFrame, setting: str | tuple[float, float]
) -> tuple[float, float] | None:
    """Return what becomes 0 and 255 in images of more than 8 bits; None where there are none.

    With the setting auto it is the usual range that the values fit in, `deep_values.natural_range`,
    or their own where they fill less than a quarter of that.

    Args:
        images: mode, value_low and value_high of the images to choose by.
        setting: auto, or the range.
    """
    deep = images[images[VALUE_LOW].notna()] if VALUE_LOW in images else images.iloc[:0]
    if deep.empty:
        return None
    if not isinstance(setting, str):
        return setting
    low = float(deep[VALUE_LOW].quantile(LEFT_OUT, interpolation="lower"))
    high = float(deep[VALUE_HIGH].quantile(1 - LEFT_OUT, interpolation="higher"))
    usual = natural_range(low, high, is_float=bool((deep[MODE] == "F").all()))
    if high > low and high - low < FILLED * (usual[1] - usual[0]):
        return low, high
    return usual if usual[1] > usual[0] else (low, low + 1)


def describe_value_range(
    images: pd.DataFrame, value_range: tuple[float, float] | None
) -> str | None:
    """Return in one sentence which values were found, how they are scaled and what is lost.

    Args:
        images: mode, bit_depth, value_low and value_high.
        value_range: as `choose_value_range` returned it.

    Returns:
        Such as "16-bit values 0 to 4095 are scaled to 8 bits: 16 levels become one"; None where
        there are no images of more than 8 bits.
    """
    deep = images[images[VALUE_LOW].notna()]
    if deep.empty:
        return None
    facts = {
        VALUE_LOW: float(deep[VALUE_LOW].min()),
        VALUE_HIGH: float(deep[VALUE_HIGH].max()),
        BIT_DEPTH: int(deep[BIT_DEPTH].max()),
        MODE: "F" if (deep[MODE] == "F").all() else "I",
    }
    sentence = describe_scaling(facts, value_range)
    if value_range is None:
        return sentence
    outside = int((deep[VALUE_LOW].lt(value_range[0]) | deep[VALUE_HIGH].gt(value_range[1])).sum())
    return sentence + (f"; {outside} images have values outside, which are clipped" * bool(outside))


def describe_scaling_of(inventory: pd.DataFrame, settings: GeneratorConfig) -> str | None:
    """Return what `describe_value_range` says of a folder, scaled as its training images ask."""
    images = readable(inventory)
    training = images[images[SPLIT] == TRAIN]
    return describe_value_range(images, choose_value_range(training, settings.value_range))


def describe_scaling(facts: Mapping[str, Any], value_range: tuple[float, float] | None) -> str:
    """Return in words how values of more than 8 bits are scaled, and what is lost.

    Args:
        facts: mode, bit_depth, value_low and value_high.
        value_range: the model's; None if it was trained on images of 8 bits alone.
    """
    is_float = facts[MODE] == "F"
    kind = "float" if is_float else f"{facts[BIT_DEPTH]}-bit"
    low, high = value_range or WITHOUT_RANGE[is_float]
    found = (facts[VALUE_LOW], facts[VALUE_HIGH])
    origin = "" if found == (low, high) else f"from {low:g} to {high:g} "
    lost = round((high - low + 1) / LEVELS)
    loss = f"{lost} levels become one" if lost > 1 and not is_float else f"{LEVELS} levels are left"
    unknown = ", as the model was trained on images of 8 bits" if value_range is None else ""
    return (
        f"{kind} values {found[0]:g} to {found[1]:g} are scaled {origin}to 8 bits: {loss}{unknown}"
    )


def levels_of(images: pd.DataFrame, value_range: tuple[float, float]) -> pd.Series:
    """Return how many of 256 levels are left of each image: NaN for those of 8 bits."""
    low, high = value_range
    inside = images[VALUE_HIGH].clip(low, high) - images[VALUE_LOW].clip(low, high)
    return inside * (LEVELS / (high - low))
