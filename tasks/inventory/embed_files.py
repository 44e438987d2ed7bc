"""Image files go in; an embedding of each one, by a network that has seen ImageNet, comes out.

Runs in worker processes, a network on one core each.
"""

from __future__ import annotations

import functools
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from tasks.embedding.lite_onnx import to_onnx
from tasks.embedding.lite_structure import HEAD
from tasks.embedding.onnx_engine import open_on_one_core
from tasks.embedding.pinned_checkpoint import imagenet_weights
from tasks.inventory.displayed import show_opened
from tasks.inventory.opened_image import open_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.embedding.onnx_engine import Engine

# Pixels: the smallest input at which the features were measured.
SIDE = 160
UNKNOWN = np.full((1, HEAD), np.nan, "float16")


def embed_files(root: str, paths: Sequence[str], max_pixels: int) -> np.ndarray:
    """Embed image files.

    Args:
        root: folder the paths are relative to.
        paths: relative POSIX paths.
        max_pixels: an image that declares more is not expanded.

    Returns:
        (files, 1280) float16; a row of NaN for a file that can't be read any more.
    """
    engine = _engine()
    embeddings = np.repeat(UNKNOWN, len(paths), axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for row, path in enumerate(paths):
            try:
                pixels = _pixels(Path(root, path), max_pixels)
            except Exception:  # noqa: BLE001, S112 - decoders raise anything on bytes that changed
                continue
            embeddings[row] = engine(pixels)[0]
    return embeddings


@functools.cache
def _engine() -> Engine:
    return open_on_one_core(to_onnx(imagenet_weights()))


def _pixels(file: Path, max_pixels: int) -> np.ndarray:
    """Return the middle of an image: (1, SIDE, SIDE, 3) uint8."""
    data = file.read_bytes()
    with open_image(data, max_pixels=max_pixels) as opened:
        # JPEG can decode large files at a fraction of their size, which is much faster.
        opened.draft(None, (SIDE, SIDE))
        image = show_opened(opened, data).convert("RGB")
    image = ImageOps.fit(image, (SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(image)[None]
