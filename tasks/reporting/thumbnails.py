"""Image files go in; small PNGs for a page come out.

Imports only Pillow and what reading needs, so that a worker process starts fast.
"""

from __future__ import annotations

import base64
import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageOps

from tasks.inventory.displayed import show_opened
from tasks.inventory.opened_image import open_image

if TYPE_CHECKING:
    from collections.abc import Sequence

SIDE = 96


def draw_thumbnails(root: str, paths: Sequence[str], max_pixels: int) -> list[str | None]:
    """Return a small PNG of each file, as a data URL; None for what can't be shown."""
    return [_thumbnail(Path(root, path), max_pixels) for path in paths]


def _thumbnail(file: Path, max_pixels: int) -> str | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if not file.is_file():
                return None
            data = file.read_bytes()
            with open_image(data, max_pixels=max_pixels) as opened:
                # A JPEG decodes faster at a fraction of its size.
                opened.draft(None, (SIDE, SIDE))
                image = show_opened(opened, data)
                # Small images are enlarged without smoothing: single pixels are what matters.
                small = max(image.size) < SIDE
                method = Image.Resampling.NEAREST if small else Image.Resampling.BOX
                thumbnail = ImageOps.contain(image, (SIDE, SIDE), method)
            png = io.BytesIO()
            thumbnail.save(png, "PNG")
        except Exception:  # noqa: BLE001 - decoders raise anything on damaged bytes
            return None
    return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()
