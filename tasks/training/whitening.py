"""Training images go in; a first layer that takes the correlation out of their patches comes out.

Neighbouring pixels are nearly alike, so that a random first layer answers with the same thing many
times over and the layers behind it learn slowly. Filters that are the scaled eigenvectors of the
patches' covariance, and their negatives, answer with uncorrelated numbers of one size. Source:
Jordan, 94% on CIFAR-10 in 3.29 seconds on a single GPU (2024), after Page, How to train your
ResNet (2019).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tasks.inventory.columns import SPLIT, TRAIN
from tasks.models.architectures import WHITENING

if TYPE_CHECKING:
    import keras

    from tasks.generators.inputs import Inputs

IMAGES, PATCHES_A_IMAGE = 2_000, 100
# Keeps directions in which the patches hardly differ from being blown up to noise.
LEAST_VARIANCE = 5e-4


def whiten_first_layer(model: keras.Model, inputs: Inputs, *, rescale: float | None) -> None:
    """Set the filters of the model's whitening layer, if it has one, from training images.

    Args:
        model: changed in place.
        inputs: some thousand of their training images are read.
        rescale: factor on the pixel values, as in the model.
    """
    layer = next((layer for layer in model.layers if layer.name == WHITENING), None)
    if layer is None:
        return
    index = pd.read_parquet(inputs.index, columns=[SPLIT])
    rows = np.flatnonzero(index[SPLIT] == TRAIN)
    some = rows[:: max(1, len(rows) // IMAGES)]
    patches = sample_patches(np.load(inputs.pixels, mmap_mode="r"), some, layer.kernel_size)
    patches *= np.float32(1.0 if rescale is None else rescale)
    layer.set_weights(whitening_filters(patches, layer.filters // 2))


def sample_patches(images: np.ndarray, rows: np.ndarray, kernel: tuple[int, int]) -> np.ndarray:
    """Cut patches from places at random, the same ones each time.

    Args:
        images: (images, height, width, channels) uint8; of a mapped file only the patches are
            read, so that large images take no more memory than small ones.
        rows: (images to cut from,) their numbers.
        kernel: height and width of the patches, pixels.

    Returns:
        (patches, kernel height, kernel width, channels) float32, some from each image.
    """
    windows = np.lib.stride_tricks.sliding_window_view(images, kernel, axis=(1, 2))
    random, shape = np.random.default_rng(0), (len(rows), PATCHES_A_IMAGE)
    down, across = (random.integers(0, side, shape) for side in windows.shape[1:3])
    patches = np.moveaxis(windows[rows[:, None], down, across], 2, -1)
    return np.asarray(patches.reshape(-1, *kernel, images.shape[3]), "float32")


def whitening_filters(patches: np.ndarray, directions: int) -> list[np.ndarray]:
    """Return a convolution's kernel and bias that whiten patches.

    Args:
        patches: (patches, kernel height, kernel width, channels) float32.
        directions: how many, those in which the patches differ most; at most the numbers in one.

    Returns:
        (kernel height, kernel width, channels, 2 * directions) float32 and (2 * directions,)
        float32: a filter a direction, then their negatives.
    """
    flat = patches.reshape(len(patches), -1)
    mean = flat.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov(flat, rowvar=False))
    filters = axes / np.sqrt(np.maximum(variances, 0) + LEAST_VARIANCE)
    # eigh sorts by variance, the smallest first.
    filters = filters[:, ::-1][:, :directions]
    kernel = filters.reshape(*patches.shape[1:], directions)
    both = np.concatenate([kernel, -kernel], axis=-1)
    bias = np.concatenate([-mean @ filters, mean @ filters])
    return [both.astype("float32"), bias.astype("float32")]
