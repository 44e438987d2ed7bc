"""How many images a model answers at once: as many as are fast, and no more.

What its layers compute for an image takes a hundred times the memory of the image. With large
images a few fill the caches of a processor, and hundreds take gigabytes, which TensorFlow keeps.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import keras
    import numpy as np

# Measured in benchmarks/results/evaluate.md: with more, nothing is faster at any size.
IMAGES, IMAGE_BYTES = 256, 5 * 2**18


def images_at_once(shape: Sequence[int]) -> int:
    """Return the number of images of (height, width, channels) that one call takes."""
    return max(1, min(IMAGES, IMAGE_BYTES // math.prod(shape)))


def predict(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return a model's outputs for (images, height, width, channels) uint8: (images, outputs)."""
    outputs: np.ndarray = network.predict(
        images, batch_size=images_at_once(images.shape[1:]), verbose=0
    )
    return outputs
