"""An image goes in; the same as a camera or a program at fault would give it comes out."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter


def larger(image: Image.Image) -> Image.Image:
    """Half as high again, and half as wide."""
    return image.resize((image.width * 3 // 2 + 1, image.height * 3 // 2 + 1))


def darker(image: Image.Image) -> Image.Image:
    """As with the lamp off; what is dark already becomes light."""
    light = np.asarray(image.convert("L")).mean() > 64  # noqa: PLR2004 - a quarter of the range
    return image.point(lambda value: value // 4 if light else 128 + value // 2)


def fainter(image: Image.Image) -> Image.Image:
    """As through fog."""
    return ImageEnhance.Contrast(image).enhance(0.2)


def blurred(image: Image.Image) -> Image.Image:
    """As out of focus."""
    return image.filter(ImageFilter.GaussianBlur(max(1.5, max(image.size) / 40)))


def brighter(image: Image.Image) -> Image.Image:
    """As saved by a program that means well."""
    return image.point(lambda value: min(255, value + 3 + value // 20))
