"""An inventory goes in; settings that its data passes come out as TOML with comments.

They are a starting point to edit: each threshold leaves some room and says what was observed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import tomlkit

from tasks.config.gate import GateConfig, QuarantineConfig
from tasks.config.schema import RetrainConfig
from tasks.inventory.columns import (
    BIT_DEPTH,
    CONTRAST,
    DAMAGE,
    FORMAT,
    FRAMES,
    HEIGHT,
    LABEL,
    MODE,
    SIBLINGS,
    TEST,
    TRAIN,
    VALIDATION,
    WIDTH,
    counts_by_split,
    readable,
)
from tasks.inventory.duplicates import MIN_VISIBLE_CONTRAST
from tasks.inventory.input_choice import NEARLY_ALL, choose_input
from tasks.inventory.likeness import Likeness
from tasks.inventory.model_choice import PHOTO_FORMATS
from tasks.inventory.named_siblings import find_named_siblings
from tasks.validation.abnormal_sizes import abnormal_sizes, describe_sizes, have_one_size
from tasks.validation.split_origin import given_splits
from tasks.validation.split_rules import TEST_SHARE, TRAIN_SHARE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd

# Up to this many sizes are listed; more are described by their range.
MAX_SIZES_LISTED = 5
# A longer list of classes is no help to a reader.
MAX_CLASSES_LISTED = 200
MAX_MODES_SHOWN = 3
ROOM = 1.5
MODEL_REASONS = {
    "fast_cnn": "small_cnn is slower, and more accurate on small colour images",
    "small_cnn": "for small colour images",
    "EfficientNetLite0": "starts from ImageNet weights, for photographs",
}
# The settings of the data that decide how a folder is read.
READING = (
    "layout",
    "label_folder",
    "split_folders",
    "leave_out",
    "label_pattern",
    "group_pattern",
    "manifest",
    "columns",
)
# Where more is left out, the gate fails after all.
MOST_LEFT_OUT = QuarantineConfig().max_share / 2
# Part or rule, setting, value, and what was observed.
Proposal = tuple[str, str, Any, str]


def suggest_settings(
    inventory: pd.DataFrame, *, name: str, config: RetrainConfig | None = None
) -> str:
    """Propose a settings file: the gate, the model's input, the model, and how the data is read.

    Args:
        inventory: as `take_inventory` returns it; thresholds ignore files that can't be read.
        name: of the registered model.
        config: the present settings; what they say of the data and the input is kept.

    Returns:
        TOML that `--config` reads, with a comment at each setting that says what was observed.
    """
    config = config or RetrainConfig()
    images = readable(inventory)
    document = tomlkit.document()
    document.add(tomlkit.comment(f"Proposed from {len(images):,} images in their current state."))
    document.add(
        tomlkit.comment("A starting point: tighten it where you know more about your data.")
    )
    document["name"] = name
    if len(images):
        _add_parts(document, _proposals(inventory, images, config))
    return tomlkit.dumps(document)


def _add_parts(document: tomlkit.TOMLDocument, proposals: Iterable[Proposal]) -> None:
    gate = tomlkit.table(is_super_table=True)
    parts: dict[str, Any] = {}
    for part, setting, value, observed in proposals:
        table = parts.setdefault(part, tomlkit.table())
        item = tomlkit.item(value)
        item.comment(observed)
        table.add(setting, item)
    for part, table in parts.items():
        outer, _, rule = part.rpartition(".")
        (gate if outer else document).add(rule, table)
    document["gate"] = gate


def _proposals(
    inventory: pd.DataFrame, images: pd.DataFrame, config: RetrainConfig
) -> Iterator[Proposal]:
    yield from _data(inventory, config)
    yield from _input(images, config)
    for rule, *rest in (
        *_quarantine(inventory, images),
        *_shape(images, config),
        *_classes(inventory, images),
        *_pixels(images),
    ):
        yield f"gate.{rule}", *rest


def _data(inventory: pd.DataFrame, config: RetrainConfig) -> Iterator[Proposal]:
    """Propose how the folder is read: as it was now, with siblings kept together."""
    given = config.data.model_dump(mode="json", include=set(READING), exclude_defaults=True)
    for name, value in given.items():
        yield "data", name, value, "as it was read now"
    if "group_pattern" in given or inventory[SIBLINGS].notna().any():
        return
    found = find_named_siblings(inventory, Likeness(inventory).exceeds_chance)
    if found.pattern and len(given_splits(inventory)) < len((TEST, VALIDATION)):
        siblings = int(found.family.notna().sum())
        yield "data", "group_pattern", found.pattern, f"{siblings} files are named like siblings"


def _input(images: pd.DataFrame, config: RetrainConfig) -> Iterator[Proposal]:
    """Propose what the model is fed, and the model."""
    choice = choose_input(images, config.generators, model=config.training.model)
    modes = ", ".join(map(str, images[MODE].value_counts().index[:MAX_MODES_SHOWN]))
    size = [choice.height, choice.width]
    yield "generators", "target_size", size, f"height and width: {choice.reason}"
    yield "generators", "color_mode", choice.color_mode, f"modes found: {modes}"
    if choice.color_mode == "rgb" and images[FORMAT].isin(PHOTO_FORMATS).mean() >= NEARLY_ALL:
        says = "a mirrored photograph keeps its label; remove this if left and right matter"
        yield "generators", "horizontal_flip", True, says
    yield "training", "model", choice.model, MODEL_REASONS.get(choice.model, "as set")


def _quarantine(inventory: pd.DataFrame, images: pd.DataFrame) -> Iterator[Proposal]:
    broken = len(inventory) - len(images)
    if broken:
        yield "decodes", "quarantine", True, f"{broken} files can't be read or have no label"
        if images[LABEL].notna().any() and inventory[LABEL].isna().any():
            yield "labelled", "quarantine", True, f"{inventory[LABEL].isna().sum()} without a label"
    for rule, bad in (
        ("intact", images[DAMAGE].notna()),
        ("single_frame", images[FRAMES].gt(1)),
        ("not_blank", images[CONTRAST].lt(MIN_VISIBLE_CONTRAST)),
    ):
        if bad.any():
            yield rule, "quarantine", True, f"{bad.sum()} such files"


def _shape(images: pd.DataFrame, config: RetrainConfig) -> Iterator[Proposal]:
    sizes = images.value_counts([HEIGHT, WIDTH])
    if len(sizes) == 1:
        yield "sizes", "allowed", _pairs(sizes), "every image has this size"
    elif len(sizes) <= MAX_SIZES_LISTED:
        yield "sizes", "allowed", _pairs(sizes), "height and width, most frequent first"
    else:
        yield from _many_sizes(images, config)
    modes = [str(mode) for mode in images[MODE].value_counts().index]
    yield "modes", "allowed", modes, "Pillow modes found, most frequent first"


def _many_sizes(images: pd.DataFrame, config: RetrainConfig) -> Iterator[Proposal]:
    """Propose to judge what is far outside; a range where that is too many files."""
    found = describe_sizes(images)
    choice = choose_input(images, config.generators, model=config.training.model)
    problems = abnormal_sizes(
        images, input_side=min(choice.height, choice.width), far=config.gate.sizes.far
    )
    sizes = images[HEIGHT].astype("str") + "x" + images[WIDTH].astype("str")
    outside = int(problems.notna().sum())
    if not have_one_size(sizes) and outside <= MOST_LEFT_OUT * len(images):
        yield "sizes", "allowed", "auto", f"{found}; {outside} far outside"
        if outside:
            yield "sizes", "quarantine", True, f"{outside} such files"
        return
    sides = images[[HEIGHT, WIDTH]].to_numpy("int64")
    yield "sizes", "allowed", "any", found
    yield "sizes", "min_side", int(sides.min()), "the shortest side found"
    yield "sizes", "max_side", int(sides.max()), "the longest side found"


def _classes(inventory: pd.DataFrame, images: pd.DataFrame) -> Iterator[Proposal]:
    counts = images[LABEL].value_counts()
    if len(counts) <= MAX_CLASSES_LISTED:
        yield "known_classes", "classes", sorted(counts.index), f"the {len(counts)} found"
    smallest = int(counts.min())
    half = max(1, smallest // 2)
    yield "class_size", "min_files", half, f"half of the smallest class, {smallest}"
    by_split = counts_by_split(images)
    for setting, splits, share in (
        ("min_train_files", [TRAIN], TRAIN_SHARE),
        ("min_test_files", [TEST, *given_splits(inventory)], TEST_SHARE),
    ):
        fewest = int(by_split[splits].to_numpy().min())
        if fewest < math.ceil(share * half):
            says = f"half of the smallest class in {splits[0]}, {fewest}"
            yield "class_size", setting, max(1, fewest // 2), says
    ratio = float(counts.max() / counts.min())
    for split in [TRAIN, *given_splits(inventory)] if given_splits(inventory) else []:
        ratio = max(ratio, by_split[split].max() / max(1, by_split[split].min()))
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
        yield "bit_depth", "max_bits", bits, f"{bits} found; scaled to 8"


def _pairs(sizes: pd.Series) -> list[list[int]]:
    return [[int(height), int(width)] for height, width in sizes.index.tolist()]
