"""Inputs go in; PNG files that show the model's training images come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import tensorflow as tf

from tasks.generators.augmentation import augment
from tasks.generators.pipelines import pixels_of
from tasks.inventory.columns import LABEL, SPLIT, TRAIN, readable
from tasks.reporting.figures import draw_class_counts, draw_image_grid, draw_size_histogram

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from tasks.generators.inputs import Inputs

SAMPLES = 8
CLASSES_SHOWN = 20


def draw_previews(
    inputs: Inputs, inventory: pd.DataFrame, *, seed: int, folder: Path
) -> list[Path]:
    """Draw samples of each class, the same ones augmented, the sizes and the class counts.

    Args:
        inputs: as `build_inputs` returned them.
        inventory: the inputs were built from it.
        seed: of the augmentation.
        folder: gets samples.png, augmented.png, sizes.png and classes.png.

    Returns:
        The files.
    """
    samples = _samples(inputs)
    augmented = [
        (label, augment(images, inputs.settings, seed=tf.constant([seed, row], tf.int64)).numpy())
        for row, (label, images) in enumerate(samples)
    ]
    return [
        draw_image_grid(samples, folder / "samples.png", title="as the model receives them"),
        draw_image_grid(augmented, folder / "augmented.png", title="the same, augmented"),
        draw_size_histogram(inventory, folder / "sizes.png"),
        draw_class_counts(readable(inventory), folder / "classes.png"),
    ]


def _samples(inputs: Inputs) -> list[tuple[str, np.ndarray]]:
    """The first training images of each class, in the order of the index."""
    index = pd.read_parquet(inputs.index, columns=[SPLIT, LABEL])
    train = index[index[SPLIT] == TRAIN]
    first = train.groupby(LABEL).head(SAMPLES)
    return [
        (str(label), pixels_of(inputs.pixels, rows.index.to_numpy()))
        for label, rows in list(first.groupby(LABEL))[:CLASSES_SHOWN]
    ]
