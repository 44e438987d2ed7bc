"""How many images a model answers at once, and what is freed returns to the system."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from tasks.models.prediction import images_at_once, predict
from tasks.runtime.freed_memory import return_freed_memory

PAGE = 4096
BLOCKS, BLOCK_BYTES = 1_000, 64 * 1024


@pytest.mark.parametrize(
    ("shape", "images"),
    [((28, 28, 1), 256), ((96, 96, 3), 47), ((224, 224, 3), 8), ((2_000, 3_000, 4), 1)],
)
def test_large_images_are_answered_a_few_at_once(shape: tuple[int, ...], images: int) -> None:
    """So that what the layers compute of them stays small; one at least."""
    assert images_at_once(shape) == images


@pytest.mark.parametrize("images", [1, 20, 26])
def test_every_image_has_its_answer(images: int) -> None:
    """In their order, whether or not the last call is full."""
    network = keras.Sequential([keras.Input((256, 128, 4)), keras.layers.GlobalMaxPooling2D()])
    pixels = np.zeros((images, 256, 128, 4), np.uint8)
    pixels[..., 0, 0, 0] = np.arange(images)
    assert predict(network, pixels)[:, 0].tolist() == list(range(images))


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc here")
def test_what_was_freed_returns_to_the_system() -> None:
    """Small blocks below one that stays, which the C library would keep."""
    blocks = [np.ones(BLOCK_BYTES, np.uint8) for _ in range(BLOCKS)]
    above = np.ones(BLOCK_BYTES, np.uint8)
    del blocks
    kept = resident()
    return_freed_memory()
    assert kept - resident() > BLOCKS * BLOCK_BYTES // 2
    assert above.all()
