"""Image files go in; small WebP images come out, or why there are none.

Imports only Pillow and what reading needs, so that a worker process starts fast.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageOps

from tasks.inventory.displayed import show_opened
from tasks.inventory.opened_image import open_image

if TYPE_CHECKING:
    from collections.abc import Sequence

GONE = "the file is gone"
CHANGED = "the file has changed since the run"
QUALITY = 85
# In pixels: what smaller images are enlarged to, and which are stored without loss.
ENLARGED, TINY = 480, 96


def draw_small(
    root: str, files: Sequence[tuple[str, int, str]], side: int, max_pixels: int
) -> list[tuple[bytes, str]]:
    """Return a WebP image of each file as a viewer shows it, or else the reason for none.

    Args:
        root: the data folder.
        files: path, size in bytes and SHA-256 that the run has seen; other content is not shown.
        side: the longest side, pixels; small images are enlarged, to 480 at most.
        max_pixels: an image that declares more is not decoded.
    """
    return [_draw(Path(root, path), size, sha, side, max_pixels) for path, size, sha in files]


def _draw(file: Path, size: int, sha256: str, side: int, max_pixels: int) -> tuple[bytes, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if not file.is_file():
                return b"", GONE
            # Before it is read: it may have become huge.
            data = file.read_bytes() if file.stat().st_size == size else b""
            if hashlib.sha256(data).hexdigest() != sha256:
                return b"", CHANGED
            with open_image(data, max_pixels=max_pixels) as opened:
                # A JPEG decodes faster at a fraction of its size.
                opened.draft(None, (side, side))
                image = show_opened(opened, data)
                # Small images are enlarged without smoothing: single pixels are what matters.
                longest = max(image.size)
                target = min(side, max(longest, ENLARGED))
                method = Image.Resampling.NEAREST if longest < target else Image.Resampling.BOX
                small = ImageOps.contain(image, (target, target), method)
            webp = io.BytesIO()
            small.save(webp, "WEBP", quality=QUALITY, lossless=longest <= TINY, method=2)
        except Exception as error:  # noqa: BLE001 - decoders raise anything on damaged bytes
            return b"", str(error) or type(error).__name__
    return webp.getvalue(), ""
