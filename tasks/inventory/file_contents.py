"""The bytes of an image file go in; its decoded image and what it is come out.

Whatever decodes them, the answers are Pillow's: other decoders are asked first where they are
faster and give the same pixels, and Pillow where they don't.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from tasks.inventory.damage import decode_jpeg, find_gray_tail
from tasks.inventory.displayed import as_displayed
from tasks.inventory.opened_image import describe_file, open_image
from tasks.inventory.orientation import UPRIGHT
from tasks.inventory.plain_png import decode_plain_png

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class FileContents:
    """What the bytes of an image file hold.

    Attributes:
        facts: those of `opened_image.describe_file`.
        stored: the loaded image, as it is stored.
        values: of more than 8 bits, as `deep_values` returns them; else None.
        displayed: the image as a viewer shows it, mode L or RGB.
        pixels: those of `displayed`.
        damage: what shows that data was lost; None where nothing does.
    """

    facts: dict[str, Any]
    stored: Image.Image
    values: np.ndarray | None
    displayed: Image.Image
    pixels: bytes
    damage: str | None


def read_contents(data: bytes, *, max_pixels: int) -> FileContents:
    """Decode the bytes of an image file.

    Raises:
        ValueError: as `opened_image.open_image` does.
        Exception: whatever Pillow raises on bytes it can't decode.
    """
    plain = decode_plain_png(data, max_pixels)
    return _open_contents(data, max_pixels) if plain is None else _plain_contents(plain)


def _plain_contents(pixels: np.ndarray) -> FileContents:
    image = Image.fromarray(pixels)
    facts = {
        "format": "PNG",
        "mode": image.mode,
        "channels": len(image.getbands()),
        "frames": 1,
        "bit_depth": 8,
        "height": image.height,
        "width": image.width,
        "aspect": image.width / image.height,
        "orientation": UPRIGHT,
    }
    content = pixels.tobytes()
    return FileContents(facts, image, None, image, content, find_gray_tail(content, image.height))


def _open_contents(data: bytes, max_pixels: int) -> FileContents:
    with open_image(data, max_pixels=max_pixels) as opened:
        decoded, damage = decode_jpeg(data, opened)
        image = opened if decoded is None else _with_pixels(opened, decoded)
        facts, values = describe_file(image, data)
        displayed = as_displayed(image, values)
        is_as_stored = decoded is not None and displayed is image
        pixels = decoded.tobytes() if decoded is not None and is_as_stored else displayed.tobytes()
        damage = damage or find_gray_tail(pixels, displayed.height)
    return FileContents(facts, image, values, displayed, pixels, damage)


def _with_pixels(opened: Image.Image, pixels: np.ndarray) -> Image.Image:
    """Return a loaded image with the metadata of an opened one."""
    image = Image.fromarray(pixels)
    image.format, image.info = opened.format, opened.info
    return image
