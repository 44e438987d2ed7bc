"""An image goes in; the same image as a faulty camera or program would deliver it comes out."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter


def enlarge(image: Image.Image) -> Image.Image:
    """Return the image at one and a half times its height and width."""
    # One pixel more, so that images of a single row grow too.
    return image.resize((image.width * 3 // 2 + 1, image.height * 3 // 2 + 1))


def darken(image: Image.Image) -> Image.Image:
    """Return the image as with the lamp off; an image that is already dark is lightened instead."""
    light = np.asarray(image.convert("L")).mean() > 64  # noqa: PLR2004 - a quarter of the range
    return image.point(lambda value: value // 4 if light else 128 + value // 2)


def reduce_contrast(image: Image.Image) -> Image.Image:
    """Return the image as through fog."""
    return ImageEnhance.Contrast(image).enhance(0.2)


def blur(image: Image.Image) -> Image.Image:
    """Return the image out of focus."""
    # In proportion to the image: a radius that ruins a thumbnail is invisible in a photograph.
    return image.filter(ImageFilter.GaussianBlur(max(1.5, max(image.size) / 40)))


def lay_on_side(image: Image.Image) -> Image.Image:
    """Return the image turned by a quarter, as by a program that drops the EXIF orientation."""
    return image.transpose(Image.Transpose.ROTATE_90)


def brighten(image: Image.Image) -> Image.Image:
    """Return the image a little brighter, as saved by a program that enhances it."""
    return image.point(lambda value: min(255, value + 3 + value // 20))
