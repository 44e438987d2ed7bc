"""The bytes of a picture go in; the array a model is fed comes out. The one place that does this.

Every mode becomes the target mode in one way:

| picture | becomes |
|---|---|
| EXIF orientation | applied first |
| 16-bit and 32-bit integer | the upper 8 of 16 bits |
| float | clipped to 0 .. 255 |
| transparent (RGBA, LA, palette) | laid over white, unless the target is rgba |
| CMYK, YCbCr, LAB, palette, 1-bit | converted by Pillow |

And every size becomes the target size in one of four, anti-aliased wherever it shrinks:

| resize | the picture is |
|---|---|
| stretch | scaled along each axis by itself |
| pad | scaled as a whole until it fits in, with black (transparent in rgba) around it |
| crop | scaled as a whole until it fills the target; what is over is cut off on both sides |
| center_crop | not scaled; its middle is cut out. Smaller than the target it is scaled as in crop |

Imports only Pillow and NumPy, so that a worker process starts fast.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps

from tasks.inventory.pictures import as_gray, open_picture, over_white

MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
RESAMPLING = Image.Resampling.BILINEAR
CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}


def decode_picture(
    data: bytes, *, size: tuple[int, int], color_mode: str, resize: str, max_pixels: int
) -> np.ndarray:
    """Turn the bytes of a picture file into a model's input.

    Args:
        data: the whole file.
        size: height and width wanted, pixels.
        color_mode: grayscale, rgb or rgba.
        resize: stretch, pad, crop or center_crop.
        max_pixels: a picture that declares more is refused.

    Returns:
        (height, width, channels) uint8 in [0, 255].

    Raises:
        ValueError: the file is empty or declares too many pixels.
        Exception: whatever Pillow raises on bytes it can't decode.
    """
    with open_picture(data, max_pixels=max_pixels) as opened:
        upright = ImageOps.exif_transpose(opened)
        picture = _in_mode(upright, MODES[color_mode])
    height, width = size
    if picture.size != (width, height):
        picture = _resized(picture, (width, height), resize)
    return np.asarray(picture).reshape(height, width, CHANNELS[color_mode])


def _resized(picture: Image.Image, size: tuple[int, int], resize: str) -> Image.Image:
    if resize == "pad":
        return ImageOps.pad(picture, size, RESAMPLING)
    if resize == "center_crop" and picture.width >= size[0] and picture.height >= size[1]:
        left, top = (picture.width - size[0]) // 2, (picture.height - size[1]) // 2
        return picture.crop((left, top, left + size[0], top + size[1]))
    if resize in ("crop", "center_crop"):
        return ImageOps.fit(picture, size, RESAMPLING)
    return picture.resize(size, RESAMPLING)


def _in_mode(picture: Image.Image, mode: str) -> Image.Image:
    if picture.mode == mode:
        return picture
    if picture.mode[0] in "IF":
        picture = as_gray(picture)
    elif mode != "RGBA" and picture.has_transparency_data:
        picture = over_white(picture)
    return picture.convert(mode)
