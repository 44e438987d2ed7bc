"""A finished model goes in; one that averages over flipped copies of each image comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

if TYPE_CHECKING:
    from tasks.config.generators import GeneratorConfig

ROWS, COLUMNS = 1, 2


def average_over_flips(model: keras.Model, settings: GeneratorConfig) -> keras.Model:
    """Let a model return the mean of its probabilities for an image and its flipped copies.

    Test-time augmentation as part of the model: evaluation, comparison with the champion and
    serving see one model with the same input and output.

    Args:
        model: from (batch, height, width, channels) uint8 to probabilities; shared, not copied.
        settings: horizontal_flip and vertical_flip decide which copies there are, as in training.

    Returns:
        A model from the same input to the mean; two copies cost twice the operations, four four
        times.
    """
    images = keras.Input(model.input_shape[1:], dtype="uint8", name="images")
    views = [images]
    for enabled, axis in ((settings.horizontal_flip, COLUMNS), (settings.vertical_flip, ROWS)):
        # Flipping all views so far adds the copy that is flipped both ways.
        if enabled:
            views += [keras.ops.flip(view, axis=axis) for view in views]
    mean = keras.layers.Average(dtype="float32")([model(view) for view in views])
    return keras.Model(images, mean, name=f"{model.name}_over_flips")
