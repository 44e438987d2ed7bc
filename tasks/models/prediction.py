"""How many images a model answers at once: as many as are fast, and no more.

What its layers compute for an image takes a hundred times the memory of the image. On a processor a
few large images fill the caches, and hundreds take gigabytes, which TensorFlow keeps.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tasks.runtime.accelerators import has_gpu

if TYPE_CHECKING:
    from collections.abc import Sequence

    import keras
    import numpy as np

# Eight photographs of 224 x 224 pixels. Measured in benchmarks/results/evaluate.md.
MOST_IMAGES, MOST_BYTES = 256, 5 * 2**18


def images_at_once(shape: Sequence[int], *, on_gpu: bool | None = None) -> int:
    """Return the number of images of (height, width, channels) that one call takes.

    Args:
        shape: of one image.
        on_gpu: whether a GPU answers, which few images would leave idle; None if TensorFlow
            answers, where it finds one.
    """
    if has_gpu() if on_gpu is None else on_gpu:
        return MOST_IMAGES
    return max(1, min(MOST_IMAGES, MOST_BYTES // math.prod(shape)))


def predict(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return a model's outputs for (images, height, width, channels) uint8: (images, outputs)."""
    size = images_at_once(images.shape[1:])
    outputs: np.ndarray = network.predict(images, batch_size=size, verbose=0)
    return outputs
