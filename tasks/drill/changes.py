"""A picture goes in; the same as a camera or a program at fault would give it comes out."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter


def larger(picture: Image.Image) -> Image.Image:
    """Half as high again, and half as wide."""
    return picture.resize((picture.width * 3 // 2 + 1, picture.height * 3 // 2 + 1))


def darker(picture: Image.Image) -> Image.Image:
    """As with the lamp off; what is dark already becomes light."""
    light = np.asarray(picture.convert("L")).mean() > 64  # noqa: PLR2004 - a quarter of the range
    return picture.point(lambda value: value // 4 if light else 128 + value // 2)


def fainter(picture: Image.Image) -> Image.Image:
    """As through fog."""
    return ImageEnhance.Contrast(picture).enhance(0.2)


def blurred(picture: Image.Image) -> Image.Image:
    """As out of focus."""
    return picture.filter(ImageFilter.GaussianBlur(max(1.5, max(picture.size) / 40)))


def brighter(picture: Image.Image) -> Image.Image:
    """As saved by a program that means well."""
    return picture.point(lambda value: min(255, value + 3 + value // 20))
