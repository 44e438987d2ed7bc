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
        values: of more than 8 bits, as `deep_values` returns them; else None.
        mode: of the image as a viewer shows it, L or RGB.
        shape: of the same, (height, width, channels).
        pixels: of the same.
        damage: what shows that data was lost; None where nothing does.
        plain: the pixels of an image that is shown as it is stored, and of which nothing else is
            known, (height, width) or (height, width, 3) uint8; None for any other.
        opened: the loaded image as it is stored, and as a viewer shows it; none of a plain one.
    """

    facts: dict[str, Any]
    values: np.ndarray | None
    mode: str
    shape: tuple[int, int, int]
    pixels: bytes
    damage: str | None
    plain: np.ndarray | None = None
    opened: tuple[Image.Image, ...] = ()

    @property
    def stored(self) -> Image.Image:
        """The loaded image, as it is stored."""
        return self._image(0)

    @property
    def displayed(self) -> Image.Image:
        """The image as a viewer shows it, mode L or RGB."""
        return self._image(1)

    def _image(self, which: int) -> Image.Image:
        # Made only when asked for: of a small plain image nobody does, and it would take longer
        # than to decode it.
        return self.opened[which] if self.plain is None else Image.fromarray(self.plain)


def read_contents(data: bytes, *, max_pixels: int) -> FileContents:
    """Decode the bytes of an image file.

    Raises:
        ValueError: as `opened_image.open_image` does.
        Exception: whatever Pillow raises on bytes it can't decode.
    """
    plain = decode_plain_png(data, max_pixels)
    return _open_contents(data, max_pixels) if plain is None else _plain_contents(plain)


def _plain_contents(pixels: np.ndarray) -> FileContents:
    height, width, *colors = pixels.shape
    mode, channels = ("RGB", 3) if colors else ("L", 1)
    facts = {
        "format": "PNG",
        "mode": mode,
        "channels": channels,
        "frames": 1,
        "bit_depth": 8,
        "height": height,
        "width": width,
        "aspect": width / height,
        "orientation": UPRIGHT,
    }
    data = pixels.tobytes()
    damage = find_gray_tail(data, height)
    return FileContents(facts, None, mode, (height, width, channels), data, damage, pixels)


def _open_contents(data: bytes, max_pixels: int) -> FileContents:
    with open_image(data, max_pixels=max_pixels) as opened:
        decoded, damage = decode_jpeg(data, opened)
        image = opened if decoded is None else _with_pixels(opened, decoded)
        facts, values = describe_file(image, data)
        displayed = as_displayed(image, values)
        is_as_stored = decoded is not None and displayed is image
        pixels = decoded.tobytes() if decoded is not None and is_as_stored else displayed.tobytes()
        damage = damage or find_gray_tail(pixels, displayed.height)
    shape = (displayed.height, displayed.width, len(displayed.getbands()))
    opened_images = (image, displayed)
    return FileContents(facts, values, displayed.mode, shape, pixels, damage, opened=opened_images)


def _with_pixels(opened: Image.Image, pixels: np.ndarray) -> Image.Image:
    """Return a loaded image with the metadata of an opened one."""
    image = Image.fromarray(pixels)
    image.format, image.info = opened.format, opened.info
    return image
