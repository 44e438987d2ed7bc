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
from tasks.inventory.deep_values import FAR_OUT, fitting_range

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from tasks.config.generators import GeneratorConfig

LEVELS = 256
# An image of fewer is nearly black, white or gray.
FEW_LEVELS = 8
# Numbers of more digits are written with an exponent.
MOST_DIGITS = 1e12
# The most extreme images, such as overexposed ones, don't decide on all others.
LEFT_OUT = 0.01
# Nor do so many images whose values lie far outside those of all others.
FEW = 0.05
# Without a range, 16 bits are taken for what they are and floats for 0 to 255.
WITHOUT_RANGE = {False: (0.0, 65535.0), True: (0.0, 255.0)}


def choose_value_range(
    images: pd.DataFrame, setting: str | tuple[float, float]
) -> tuple[float, float] | None:
    """Return what becomes 0 and 255 in images of more than 8 bits; None where there are none.

    With the setting auto it is the usual range that the values fit in, or their own where they
    fill little of that: `deep_values.fitting_range`.

    Args:
        images: mode, value_low and value_high of the images to choose by.
        setting: auto, or the range.
    """
    if not isinstance(setting, str):
        return setting
    deep = images[images[VALUE_LOW].notna()] if VALUE_LOW in images else images.iloc[:0]
    if deep.empty:
        return None
    low, high = _typical(deep, LEFT_OUT)
    inner_low, inner_high = _typical(deep, max(FEW, 1 / len(deep)))
    if inner_high > inner_low and high - low > FAR_OUT * (inner_high - inner_low):
        low, high = inner_low, inner_high
    return fitting_range(low, high, is_float=bool((deep[MODE] == "F").all()))


def _typical(deep: pd.DataFrame, left_out: float) -> tuple[float, float]:
    """Return the range of the images' values without a share of the most extreme images."""
    low = float(deep[VALUE_LOW].quantile(left_out, interpolation="lower"))
    return low, float(deep[VALUE_HIGH].quantile(1 - left_out, interpolation="higher"))


def value_range_of(
    images: pd.DataFrame, setting: str | tuple[float, float]
) -> tuple[float, float] | None:
    """Return the range that `choose_value_range` chooses for a model.

    It is that of the images which are trained on, as of everything else that a model learns; of all
    images where none of those has more than 8 bits.

    Args:
        images: split, mode, value_low and value_high of the readable rows of an inventory.
        setting: auto, or the range.
    """
    training = images[images[SPLIT] == TRAIN]
    return choose_value_range(training, setting) or choose_value_range(images, setting)


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
    if outside == 0:
        return sentence
    has = "1 image has" if outside == 1 else f"{outside} images have"
    return f"{sentence}; {has} values outside, which are clipped"


def describe_scaling_of(inventory: pd.DataFrame, settings: GeneratorConfig) -> str | None:
    """Return what `describe_value_range` says of a folder, scaled as its training images ask."""
    images = readable(inventory)
    return describe_value_range(images, value_range_of(images, settings.value_range))


def describe_scaling(facts: Mapping[str, Any], value_range: tuple[float, float] | None) -> str:
    """Return in words how values of more than 8 bits are scaled, and what is lost.

    Args:
        facts: mode, bit_depth, value_low and value_high.
        value_range: the model's; None if it was trained on images of 8 bits alone.
    """
    is_float = facts[MODE] == "F"
    kind = "float" if is_float else f"{facts[BIT_DEPTH]}-bit"
    low, high = value_range or WITHOUT_RANGE[is_float]
    found = f"{as_text(facts[VALUE_LOW])} to {as_text(facts[VALUE_HIGH])}"
    span = f"{as_text(low)} to {as_text(high)}"
    origin = "" if found == span else f"from {span} "
    unknown = ", as the model was trained on images of 8 bits" if value_range is None else ""
    return f"{kind} values {found} are scaled {origin}to 8 bits: {_loss(facts, low, high)}{unknown}"


def describe_clipping(
    facts: Mapping[str, Any], value_range: tuple[float, float] | None
) -> str | None:
    """Return in words that some of an image's values are outside of the model's; None if none are.

    Args:
        facts: mode, value_low and value_high.
        value_range: as for `describe_scaling`.
    """
    low, high = value_range or WITHOUT_RANGE[facts[MODE] == "F"]
    if low <= facts[VALUE_LOW] and facts[VALUE_HIGH] <= high:
        return None
    return f"values outside {as_text(low)} to {as_text(high)} are clipped"


def _loss(facts: Mapping[str, Any], low: float, high: float) -> str:
    inside = min(max(facts[VALUE_HIGH], low), high) - min(max(facts[VALUE_LOW], low), high)
    levels = round(inside * LEVELS / (high - low))
    is_exact = facts[MODE] != "F" and high - low < LEVELS
    if levels < FEW_LEVELS and not is_exact:
        return f"only {max(1, levels)} of {LEVELS} levels {'are' if levels > 1 else 'is'} used"
    if is_exact:
        return "no level is lost"
    lost = round((high - low + 1) / LEVELS)
    several = facts[MODE] != "F" and lost > 1
    return f"{lost} levels become one" if several else f"{LEVELS} levels are left"


def as_text(value: float) -> str:
    """Return a value of an image as people write it: `1048575`, and not `1.04858e+06`."""
    is_whole = float(value).is_integer() and abs(value) < MOST_DIGITS
    return f"{value:.0f}" if is_whole else f"{value:.6g}"


def levels_of(images: pd.DataFrame, value_range: tuple[float, float]) -> pd.Series:
    """Return how many of 256 levels are left of each image: NaN for those of 8 bits."""
    low, high = value_range
    inside = images[VALUE_HIGH].clip(low, high) - images[VALUE_LOW].clip(low, high)
    return inside * (LEVELS / (high - low))
