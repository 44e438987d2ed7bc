"""The installed checkpoint goes in; EfficientNet-Lite0 with its ImageNet weights comes out.

The converted model is kept, and verified before it is used again.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import keras

from tasks.embedding.pinned_checkpoint import imagenet_weights, require_checkpoint
from tasks.models.efficientnet_lite import efficientnet_lite0, set_lite_weights
from tasks.runtime.pretrained_weights import CHECKPOINT_SHA256, PRETRAINED
from tasks.storage.atomic import atomic_folder
from tasks.storage.checked import believe_folder
from tasks.storage.hashing import digest

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "model.keras"
# Weights fit any size; the smallest that all strides divide is built fastest.
SHAPE = (32, 32, 3)


def load_pretrained(cache: Path | None) -> keras.Model:
    """Return the network with its ImageNet weights, for images of 32 x 32 pixels.

    Args:
        cache: folder of converted models, verified before they are used; None to convert again.

    Raises:
        SettingsError: the checkpoint is not installed.
        PixelgateError: it is not the one that is pinned, or can't be read.
    """
    require_checkpoint()
    if cache is None:
        return _convert()
    folder = cache / f"{PRETRAINED}-{digest([CHECKPOINT_SHA256, keras.__version__])[:16]}"
    if not believe_folder(folder):
        shutil.rmtree(folder, ignore_errors=True)
        with atomic_folder(folder, sealed=True) as unfinished:
            _convert().save(unfinished / MODEL)
    return keras.saving.load_model(folder / MODEL, compile=False)


def _convert() -> keras.Model:
    model = efficientnet_lite0(SHAPE)
    set_lite_weights(model, imagenet_weights())
    return model
