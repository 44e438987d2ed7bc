"""Normalized features go in; how alike each image is to all others comes out, some at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

# All at once would take as many numbers as there are pairs.
IMAGES_AT_ONCE = 1_024


def cosines_to_others(features: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the number of a first image, and the cosines of it and those after it to all images.

    Args:
        features: (images, features) float32, of length 1 each.

    Yields:
        A number, and (up to IMAGES_AT_ONCE, images) float32; -1 for an image and itself.
    """
    for start in range(0, len(features), IMAGES_AT_ONCE):
        cosines = features[start : start + IMAGES_AT_ONCE] @ features.T
        image = np.arange(len(cosines))
        # An image is no neighbour of its own.
        cosines[image, start + image] = -1
        yield start, cosines
