"""A finished model goes in; one that looks at each image the other way round too comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

if TYPE_CHECKING:
    from tasks.config.generators import GeneratorConfig

ROWS, COLUMNS = 1, 2


def average_over_flips(model: keras.Model, settings: GeneratorConfig) -> keras.Model:
    """Let a model answer with the mean of an image's and its flipped copies' answers.

    Test-time augmentation, inside the model: evaluation, the champion's comparison and serving see
    nothing but one model of the same input and output.

    Args:
        model: from (batch, height, width, channels) uint8 to probabilities; shared, not copied.
        settings: horizontal_flip and vertical_flip say which copies there are, as while training.

    Returns:
        A model from the same input to the mean; two copies cost twice the operations, four four
        times.
    """
    images = keras.Input(model.input_shape[1:], dtype="uint8", name="images")
    views = [images]
    for wanted, axis in ((settings.horizontal_flip, COLUMNS), (settings.vertical_flip, ROWS)):
        if wanted:
            views += [keras.ops.flip(view, axis=axis) for view in views]
    mean = keras.layers.Average(dtype="float32")([model(view) for view in views])
    return keras.Model(images, mean, name=f"{model.name}_over_flips")
