"""Turns the bytes of an image into the array a model is fed; nothing else in the tree does this.

Every mode becomes the target mode in one way:

| image | becomes |
|---|---|
| EXIF orientation | applied first |
| more than 8 bits, or float | scaled from the value range of the model to 0 .. 255 |
| the same, for a model that was trained on none | the upper 8 of 16 bits; floats clipped |
| transparent (RGBA, LA, palette) | laid over white, unless the target is rgba |
| CMYK, YCbCr, LAB, palette, 1-bit | converted by Pillow |

Every size becomes the target size in one of four ways, anti-aliased wherever it shrinks:

| resize | the image is |
|---|---|
| stretch | scaled along each axis independently |
| pad | scaled as a whole until it fits in, with black (transparent in rgba) borders |
| crop | scaled as a whole until it fills the target; the excess is cut off on both sides |
| center_crop | not scaled, but cropped to its centre; if smaller than the target, as in crop |

Imports only Pillow and NumPy, so that a worker process starts fast.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from tasks.inventory.deep_values import as_gray, bit_depth_of, deep_values, scale_values
from tasks.inventory.displayed import over_white
from tasks.inventory.opened_image import open_image
from tasks.inventory.orientation import orientation_of, turned_upright
from tasks.models.contract import CHANNELS
from tasks.storage.hashing import digest

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.inventory.file_contents import FileContents
    from tasks.models.contract import InputContract

MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
RESAMPLING = Image.Resampling.BILINEAR


@dataclass(frozen=True)
class Decoding:
    """How files become images of one shape.

    Attributes:
        size: height and width, pixels.
        color_mode: grayscale, rgb or rgba.
        resize: stretch, pad, crop or center_crop.
        value_range: what becomes 0 and 255 in images of more than 8 bits; None keeps the upper 8 of
            16 bits.
    """

    size: tuple[int, int]
    color_mode: str
    resize: str
    value_range: tuple[float, float] | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one image: (height, width, channels)."""
        return (*self.size, CHANNELS[self.color_mode])

    @property
    def name(self) -> str:
        """The prefix of the names of all arrays of such images."""
        fields = asdict(self)
        if self.value_range is None:
            # Images of 8 bits keep the names they have had before there were value ranges.
            del fields["value_range"]
        return digest(fields)[:12]

    def fit(self, opened: Image.Image, values: np.ndarray | None = None) -> np.ndarray:
        """Return an opened image as (height, width, channels) uint8.

        Args:
            opened: the image.
            values: of more than 8 bits, as `deep_values` returns them; else None.
        """
        # Some formats store their metadata after the pixels, so the orientation is known only now.
        opened.load()
        scaled = opened
        if values is not None and self.value_range is not None:
            scaled = scale_values(values, self.value_range)
        upright = turned_upright(scaled, orientation_of(opened))
        image = _in_mode(upright, MODES[self.color_mode])
        height, width = self.size
        if image.size != (width, height):
            image = _resized(image, (width, height), self.resize)
        return np.asarray(image).reshape(self.shape)

    def fit_contents(self, contents: FileContents) -> np.ndarray:
        """Return what a file holds as (height, width, channels) uint8."""
        plain = contents.plain
        if plain is not None and contents.shape == self.shape:
            return plain.reshape(self.shape)
        return self.fit(contents.stored, contents.values)

    def read(self, file: Path, sha256: str, max_pixels: int) -> np.ndarray:
        """Return the image of a file, (height, width, channels) uint8.

        Raises:
            ValueError: the content of the file does not have this hash.
            Exception: whatever reading and decoding it raises.
        """
        # One read for both, so that what is hashed is what is decoded.
        data = file.read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ValueError("its content changed")
        return self.decode(data, max_pixels)

    def decode(self, data: bytes, max_pixels: int) -> np.ndarray:
        """Return the image in the bytes of a file; see `decode_image`."""
        return decode_image(data, self, max_pixels=max_pixels)


def decoding_of(contract: InputContract) -> Decoding:
    """Return the decoding that a contract asks for."""
    return Decoding(contract.size, contract.color_mode, contract.resize, contract.value_range)


def decode_image(data: bytes, decoding: Decoding, *, max_pixels: int) -> np.ndarray:
    """Turn the bytes of an image file into a model's input.

    Args:
        data: the whole file.
        decoding: how.
        max_pixels: an image that declares more is refused.

    Returns:
        (height, width, channels) uint8 in [0, 255].

    Raises:
        ValueError: the file is empty or declares too many pixels.
        Exception: whatever Pillow raises on bytes it can't decode.
    """
    with open_image(data, max_pixels=max_pixels) as opened:
        # The range decides, so that images of 8 bits cost nothing more.
        values = None
        if decoding.value_range is not None:
            bits = bit_depth_of(opened)
            opened.load()
            values = deep_values(opened, bits, data)
        return decoding.fit(opened, values)


def _resized(image: Image.Image, size: tuple[int, int], resize: str) -> Image.Image:
    if resize == "pad":
        return ImageOps.pad(image, size, RESAMPLING)
    if resize == "center_crop" and image.width >= size[0] and image.height >= size[1]:
        left, top = (image.width - size[0]) // 2, (image.height - size[1]) // 2
        return image.crop((left, top, left + size[0], top + size[1]))
    # A center_crop arrives here only if the image is too small to be cut.
    if resize in ("crop", "center_crop"):
        return ImageOps.fit(image, size, RESAMPLING)
    return image.resize(size, RESAMPLING)


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    if image.mode == mode:
        return image
    # Pillow's own conversion clips integers at 255, which turns most 16-bit images white.
    if image.mode[0] in "IF":
        image = as_gray(image)
    elif mode != "RGBA" and image.has_transparency_data:
        image = over_white(image)
    return image.convert(mode)
