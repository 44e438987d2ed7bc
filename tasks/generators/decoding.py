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

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from tasks.files import digest
from tasks.inventory.pictures import as_gray, open_picture, orientation_of, over_white

if TYPE_CHECKING:
    from pathlib import Path

MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
RESAMPLING = Image.Resampling.BILINEAR
CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}


@dataclass(frozen=True)
class Decoding:
    """How files become pictures of one shape.

    Attributes:
        size: height and width, pixels.
        color_mode: grayscale, rgb or rgba.
        resize: stretch, pad, crop or center_crop.
    """

    size: tuple[int, int]
    color_mode: str
    resize: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one picture: (height, width, channels)."""
        return (*self.size, CHANNELS[self.color_mode])

    @property
    def name(self) -> str:
        """What the names of all arrays of such pictures begin with."""
        return digest(asdict(self))[:12]

    def fit(self, opened: Image.Image) -> np.ndarray:
        """Return an opened picture as (height, width, channels) uint8."""
        return fit_picture(opened, size=self.size, color_mode=self.color_mode, resize=self.resize)

    def read(self, file: Path, sha256: str, max_pixels: int) -> np.ndarray:
        """Return a file's picture, (height, width, channels) uint8.

        Raises:
            ValueError: the file's content is not the one of this hash.
            Exception: whatever reading and decoding it raises.
        """
        data = file.read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ValueError("its content changed")
        return self.decode(data, max_pixels)

    def decode(self, data: bytes, max_pixels: int) -> np.ndarray:
        """Return the picture of a whole file's bytes; see `decode_picture`."""
        return decode_picture(
            data,
            size=self.size,
            color_mode=self.color_mode,
            resize=self.resize,
            max_pixels=max_pixels,
        )


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
        return fit_picture(opened, size=size, color_mode=color_mode, resize=resize)


def fit_picture(
    opened: Image.Image, *, size: tuple[int, int], color_mode: str, resize: str
) -> np.ndarray:
    """Turn an opened picture into a model's input; see `decode_picture`, which opens it."""
    # Some formats hold their metadata behind the pixels.
    opened.load()
    upright = opened if orientation_of(opened) == 1 else ImageOps.exif_transpose(opened)
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
