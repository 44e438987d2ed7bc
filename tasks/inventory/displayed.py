"""An opened image goes in; the image that a viewer shows comes out.

Imports only Pillow and NumPy, so that a worker process starts fast.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from tasks.inventory.deep_values import bit_depth_of, deep_values, display_values, no_data_of
from tasks.inventory.orientation import orientation_of, turned_upright


def as_displayed(image: Image.Image, values: np.ndarray | None = None) -> Image.Image:
    """Return an opened image as a viewer shows it: upright, in mode L or RGB, over white.

    Args:
        image: opened.
        values: of more than 8 bits, as `deep_values` returns them; they are shown in the range
            that such values are usually measured in.
    """
    # Loaded first, as some formats store their metadata after the pixels; and before the mode is
    # converted, which loses the format.
    image.load()
    orientation = orientation_of(image)
    if values is None and image.mode[0] in "IF":
        values = np.asarray(image)
    shown = image if values is None else display_values(values, no_data_of(image))
    return turned_upright(_in_plain_mode(shown), orientation)


def show_opened(image: Image.Image, data: bytes) -> Image.Image:
    """Return the same of an image that is not loaded yet, and whose values are not known.

    Args:
        image: opened.
        data: the whole file.
    """
    bits = bit_depth_of(image)
    image.load()
    return as_displayed(image, deep_values(image, bits, data))


def _in_plain_mode(image: Image.Image) -> Image.Image:
    if image.mode in ("L", "RGB") and not image.has_transparency_data:
        return image
    if image.has_transparency_data:
        return over_white(image)
    return image.convert("L" if image.mode == "1" else "RGB")


def over_white(image: Image.Image) -> Image.Image:
    """Return an image with transparency in mode RGB, laid over white."""
    transparent = image.convert("RGBA")
    white = Image.new("RGBA", transparent.size, "white")
    return Image.alpha_composite(white, transparent).convert("RGB")
