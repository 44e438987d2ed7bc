"""An inventory goes in; the same with the columns that only expectations need comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from tasks.config.gate import GateConfig
from tasks.config.generators import GeneratorConfig
from tasks.inventory.columns import (
    CONTRAST,
    ERROR,
    GROUP,
    HEIGHT,
    LABEL,
    PATH,
    PIXEL_HASH,
    SPLIT,
    SPLITS,
    THUMBNAIL,
    WIDTH,
)
from tasks.inventory.duplicates import MIN_VISIBLE_CONTRAST
from tasks.inventory.input_choice import choose_input
from tasks.validation.abnormal_sizes import abnormal_sizes, have_one_size
from tasks.validation.baseline import CONTENT, FIRST_SEEN, MEASURES, content_of
from tasks.validation.label_errors import PREDICTED_LABEL, PROBABILITY
from tasks.validation.moves import CHANGE, LABEL_BEFORE, RELABELLED
from tasks.validation.sibling_columns import add_sibling_columns
from tasks.validation.split_origin import given_splits
from tasks.validation.value_columns import value_messages

if TYPE_CHECKING:
    from tasks.validation.context import Context

SIZE = "size"
SIZE_PROBLEM = "size_problem"
READABLE_LABEL = "readable_label"
# Of the images that the data gives for training, including those drawn from them.
TRAINING_LABEL = "given_label_train"
CONFLICT = "other_labels"
LEAK = "other_splits"
COPY = "copy_of"
NEAR_LEAK = "near_duplicate_in_other_split"
NEAR_COPY = "near_duplicate_of"
MOVED_FROM = LABEL_BEFORE
SUSPECT = PREDICTED_LABEL
DAYS_SINCE_NEW = "days_since_new"
NEW_PREFIX = "new_"


def new_only(measure: str) -> str:
    """Return the name of the column that holds a measure of new images alone."""
    return f"{NEW_PREFIX}{measure}"


def add_derived_columns(
    inventory: pd.DataFrame,
    context: Context,
    moves: pd.DataFrame,
    suspects: pd.DataFrame | None,
    gate: GateConfig | None = None,
) -> pd.DataFrame:
    """Add the columns that expectations need, and drop those they can't use.

    Args:
        inventory: as `take_inventory` returns it.
        context: its baseline decides which images are new.
        moves: as `find_moves` returns them.
        suspects: as `start_judging_labels` returns them.
        gate: the settings of the rules; by default the defaults.

    Returns:
        A new frame with the size (such as 28x28), the label of readable rows, and that label in
        one column per split, and in one for all that is given for training. Further columns hold a
        message, or None where there is nothing to report: its values (see `value_columns`); what is
        abnormal about its size, where sizes differ; the other labels and splits of the row's image;
        the earlier file of its split that it repeats, and the same for near-duplicates; its
        previous label, and its predicted label; its siblings (see `sibling_columns`). With a
        baseline also the days since each image was new, and the measures of new images.
    """
    size = _sizes(inventory)
    readable = inventory[ERROR].isna()
    label = inventory[LABEL].where(readable)
    # Great Expectations compares the values of whole columns: one column per split.
    by_split = {
        f"{LABEL}_{split}": label.where(inventory[SPLIT] == split).astype("object")
        for split in SPLITS
    }
    # Blank images are all alike without being copies; the rule not_blank names them.
    visible = inventory[readable & inventory[CONTRAST].ge(MIN_VISIBLE_CONTRAST)]
    repeated = visible[visible.duplicated(PIXEL_HASH, keep=False)]
    grouped = visible[visible[GROUP].notna()]
    messages = {
        **value_messages(inventory, context.value_range, gate or GateConfig()),
        SIZE_PROBLEM: _size_problems(inventory, size, context, gate or GateConfig()),
        CONFLICT: _elsewhere(repeated, LABEL),
        LEAK: _elsewhere(repeated, SPLIT),
        COPY: _originals(repeated, PIXEL_HASH),
        NEAR_LEAK: _near_in_other_split(grouped),
        NEAR_COPY: _near_originals(grouped),
        MOVED_FROM: _by_path(inventory, moves[moves[CHANGE] == RELABELLED], LABEL_BEFORE),
    }
    if suspects is not None:
        messages[SUSPECT] = _predicted_labels(inventory, suspects)
    # Without thumbnails: Great Expectations copies the frame, and no rule reads them.
    frame = inventory.drop(columns=THUMBNAIL).assign(
        **{
            SIZE: size,
            READABLE_LABEL: label,
            TRAINING_LABEL: label.where(~inventory[SPLIT].isin(given_splits(inventory))),
        },
        **by_split,
        **{name: text.reindex(inventory.index).astype("object") for name, text in messages.items()},
        **_new_image_columns(inventory, context),
    )
    return add_sibling_columns(frame, inventory)


def _sizes(inventory: pd.DataFrame) -> pd.Series:
    """Return the size of each image, such as 28x28; None where it is not known."""
    text = inventory[HEIGHT].astype("str") + "x" + inventory[WIDTH].astype("str")
    return text.where(inventory[HEIGHT].notna())


def _size_problems(
    inventory: pd.DataFrame, sizes: pd.Series, context: Context, gate: GateConfig
) -> pd.Series:
    images = inventory[inventory[ERROR].isna()]
    if images.empty or have_one_size(sizes):
        return pd.Series(dtype="object")
    side = context.input_side
    if side is None:
        choice = choose_input(images, GeneratorConfig())
        side = min(choice.height, choice.width)
    return abnormal_sizes(inventory, input_side=side, far=gate.sizes.far)


def days_since_new(inventory: pd.DataFrame, context: Context) -> pd.Series | None:
    """Return the days since each image was first seen, missing where it is new now.

    Args:
        inventory: as `take_inventory` returns it.
        context: its baseline knows when an image was first seen; None is returned without one.
    """
    if context.baseline is None:
        return None
    files = context.baseline.files.drop_duplicates(CONTENT).set_index(CONTENT)
    # By content, so that renaming or moving an old image doesn't make it new.
    seen = pd.to_datetime(content_of(inventory).map(files[FIRST_SEEN]), utc=True)
    return (pd.Timestamp(context.now) - seen).dt.total_seconds() / 86_400


def _new_image_columns(inventory: pd.DataFrame, context: Context) -> dict[str, pd.Series]:
    """Return the days since each image was new, and the measures of those that are new now."""
    days = days_since_new(inventory, context)
    if days is None:
        return {}
    measures = {
        new_only(name): inventory[name].astype("float64").where(days.isna()) for name in MEASURES
    }
    return {DAYS_SINCE_NEW: days.fillna(0.0), **measures}


def _elsewhere(repeated: pd.DataFrame, column: str) -> pd.Series:
    """Return all values of a column that a row's image has, where there is more than one."""
    values = repeated.groupby(PIXEL_HASH)[column].agg(lambda rows: sorted(set(rows.dropna())))
    several = values[values.map(len) > 1].map(" and ".join)
    return repeated[PIXEL_HASH].map(several)


def _originals(repeated: pd.DataFrame, key: str) -> pd.Series:
    """Return the first file of a row's split with the same key, if that is another file."""
    first = repeated.groupby([key, SPLIT])[PATH].transform("first")
    return first.where(first != repeated[PATH])


def _near_originals(grouped: pd.DataFrame) -> pd.Series:
    """Return the same for near-duplicates, without exact copies, which another rule names."""
    # In a group of three, the first file may have both a copy and a near-duplicate.
    first = _originals(grouped, GROUP)
    pixels = grouped.set_index(PATH)[PIXEL_HASH]
    return first.where(first.map(pixels) != grouped[PIXEL_HASH])


def _near_in_other_split(grouped: pd.DataFrame) -> pd.Series:
    """Return a near-duplicate with other pixels in another split than the row's."""
    spread = grouped[grouped.groupby(GROUP)[SPLIT].transform("nunique") > 1]
    messages = {}
    for _, members in spread.groupby(GROUP):
        for index, row in members.iterrows():
            others = members[
                (members[SPLIT] != row[SPLIT]) & (members[PIXEL_HASH] != row[PIXEL_HASH])
            ]
            if len(others):
                first = others.iloc[0]
                messages[index] = f"near-duplicate of {first[PATH]} in {first[SPLIT]}"
    return pd.Series(messages, dtype="str")


def _by_path(inventory: pd.DataFrame, rows: pd.DataFrame, column: str) -> pd.Series:
    return inventory[PATH].map(rows.drop_duplicates(PATH).set_index(PATH)[column])


def _predicted_labels(inventory: pd.DataFrame, suspects: pd.DataFrame) -> pd.Series:
    columns = suspects[[PATH, PREDICTED_LABEL, PROBABILITY]]
    messages = {
        path: f"{label} ({probability:.2f})"
        for path, label, probability in columns.itertuples(index=False)
    }
    return inventory[PATH].map(messages)
