"""How many images a model answers at once, and what is freed returns to the system."""

from __future__ import annotations

import ctypes
from typing import Any

import keras
import numpy as np
import pytest

from tasks.models import prediction
from tasks.models.prediction import MOST_IMAGES, images_at_once, predict
from tasks.runtime.freed_memory import return_freed_memory
from tests.processes import resident_mib

BLOCKS, BLOCK_BYTES = 1_000, 64 * 1024


class Counting(keras.Sequential):
    """Notes the size of each call."""

    asked: tuple[Any, ...] = ()

    def predict(self, x: np.ndarray, batch_size: int | None = None, **others: Any) -> np.ndarray:
        """Predict as any model."""
        self.asked = (*self.asked, batch_size)
        outputs: np.ndarray = super().predict(x, batch_size, **others)
        return outputs


@pytest.mark.parametrize(
    ("shape", "images"),
    [((28, 28, 1), 256), ((96, 96, 3), 47), ((224, 224, 3), 8), ((2_000, 3_000, 4), 1)],
)
def test_large_images_are_answered_a_few_at_once(shape: tuple[int, ...], images: int) -> None:
    """So that what the layers compute of them stays small; one at least."""
    assert images_at_once(shape, on_gpu=False) == images


def test_a_gpu_is_not_left_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers as many large images at once as small ones, unless the caller has none."""
    monkeypatch.setattr(prediction, "has_gpu", lambda: True)
    assert images_at_once((224, 224, 3)) == MOST_IMAGES
    assert images_at_once((224, 224, 3), on_gpu=False) == 8


@pytest.mark.parametrize("images", [1, 20, 26])
def test_every_image_has_its_answer(images: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order, ten at once, whether or not the last call is full."""
    monkeypatch.setattr(prediction, "has_gpu", lambda: False)
    network = Counting([keras.Input((256, 128, 4)), keras.layers.GlobalMaxPooling2D()])
    pixels = np.zeros((images, 256, 128, 4), np.uint8)
    pixels[:, 0, 0, 0] = np.arange(images)
    assert predict(network, pixels)[:, 0].tolist() == list(range(images))
    assert network.asked == (10,)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="not GNU's C library")
def test_what_was_freed_returns_to_the_system() -> None:
    """Small blocks below one that stays, which the C library would keep."""
    blocks = [np.ones(BLOCK_BYTES, np.uint8) for _ in range(BLOCKS)]
    above = np.ones(BLOCK_BYTES, np.uint8)
    del blocks
    kept = resident_mib()
    return_freed_memory()
    assert kept - resident_mib() > BLOCKS * BLOCK_BYTES / 2**21
    assert above.all()
