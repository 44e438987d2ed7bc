"""An inventory goes in; settings that its data passes come out as TOML with comments.

They are a starting point to edit: each threshold leaves some room and says what was observed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import tomlkit

from tasks.config.gate import GateConfig
from tasks.inventory.columns import (
    BIT_DEPTH,
    CONTRAST,
    FRAMES,
    HEIGHT,
    LABEL,
    MODE,
    WIDTH,
    readable,
)
from tasks.inventory.duplicates import MIN_VISIBLE_CONTRAST

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

# Up to this many sizes are listed; more are described by their range.
MAX_SIZES_LISTED = 5
# A longer list of classes is no help to a reader.
MAX_CLASSES_LISTED = 200
ROOM = 1.5
# Rule, setting, value, and what was observed.
Proposal = tuple[str, str, Any, str]


def suggest_settings(inventory: pd.DataFrame, *, name: str) -> str:
    """Propose the gate's part of a settings file.

    Args:
        inventory: as `take_inventory` returns it; thresholds ignore files that can't be read.
        name: of the registered model.

    Returns:
        TOML that `--config` reads, with a comment at each setting that says what was observed.
    """
    images = readable(inventory)
    document = tomlkit.document()
    document.add(tomlkit.comment(f"Proposed from {len(images):,} images in their current state."))
    document.add(
        tomlkit.comment("A starting point: tighten it where you know more about your data.")
    )
    document["name"] = name
    gate = tomlkit.table(is_super_table=True)
    rules: dict[str, Any] = {}
    for rule, setting, value, observed in _proposals(inventory, images):
        table = rules.setdefault(rule, tomlkit.table())
        item = tomlkit.item(value)
        item.comment(observed)
        table.add(setting, item)
    for rule, table in rules.items():
        gate.add(rule, table)
    document["gate"] = gate
    return tomlkit.dumps(document)


def _proposals(inventory: pd.DataFrame, images: pd.DataFrame) -> Iterator[Proposal]:
    yield from _quarantine(inventory, images)
    yield from _shape(images)
    yield from _classes(images)
    yield from _pixels(images)


def _quarantine(inventory: pd.DataFrame, images: pd.DataFrame) -> Iterator[Proposal]:
    broken = len(inventory) - len(images)
    if broken:
        yield "decodes", "quarantine", True, f"{broken} files can't be read or have no label"
        if images[LABEL].notna().any() and inventory[LABEL].isna().any():
            yield "labelled", "quarantine", True, f"{inventory[LABEL].isna().sum()} without a label"
    for rule, bad in (
        ("single_frame", images[FRAMES].gt(1)),
        ("not_blank", images[CONTRAST].lt(MIN_VISIBLE_CONTRAST)),
    ):
        if bad.any():
            yield rule, "quarantine", True, f"{bad.sum()} such files"


def _shape(images: pd.DataFrame) -> Iterator[Proposal]:
    sizes = images.value_counts([HEIGHT, WIDTH])
    if len(sizes) == 1:
        yield "sizes", "allowed", _pairs(sizes), "every image has this size"
    elif len(sizes) <= MAX_SIZES_LISTED:
        yield "sizes", "allowed", _pairs(sizes), "height and width, most frequent first"
    else:
        sides = images[[HEIGHT, WIDTH]].astype("int64")
        low, high = int(sides.to_numpy().min()), int(sides.to_numpy().max())
        yield "sizes", "allowed", "any", f"{len(sizes)} sizes found"
        yield "sizes", "min_side", low, "the shortest side found"
        yield "sizes", "max_side", high, "the longest side found"
    modes = [str(mode) for mode in images[MODE].value_counts().index]
    yield "modes", "allowed", modes, "Pillow modes found, most frequent first"


def _classes(images: pd.DataFrame) -> Iterator[Proposal]:
    counts = images[LABEL].value_counts()
    if len(counts) <= MAX_CLASSES_LISTED:
        yield "known_classes", "classes", sorted(counts.index), f"the {len(counts)} found"
    smallest, largest = int(counts.min()), int(counts.max())
    half = max(1, smallest // 2)
    yield "class_size", "min_files", half, f"half of the smallest class, {smallest}"
    ratio = largest / smallest
    # Rounded up to a tenth, and never so tight that the next batch trips it.
    bound = max(2.0, math.ceil(ratio * ROOM * 10) / 10)
    yield "class_balance", "max_ratio", bound, f"{ratio:.2f} at present"


def _pixels(images: pd.DataFrame) -> Iterator[Proposal]:
    lowest = float(images[CONTRAST].min())
    default = GateConfig().not_blank.min_contrast
    if isinstance(default, float) and lowest > 0:
        # Capped: where every image is rich in contrast, half of the lowest is far from blank.
        bound = round(min(lowest / 2, 10 * default), 2)
        yield "not_blank", "min_contrast", bound, f"the lowest contrast is {lowest:.1f}"
    bits = int(images[BIT_DEPTH].max())
    if bits > GateConfig().bit_depth.max_bits:
        yield "bit_depth", "max_bits", bits, f"{bits} found; only the upper 8 are used"


def _pairs(sizes: pd.Series) -> list[list[int]]:
    return [[int(height), int(width)] for height, width in sizes.index.tolist()]
