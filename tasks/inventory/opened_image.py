"""Opens the bytes of an image file with Pillow, within one limit of pixels, and describes them.

Imports only Pillow and NumPy, so that a worker process starts fast.
"""

from __future__ import annotations

import functools
import io
import warnings
from typing import TYPE_CHECKING, Any

from PIL import Image, UnidentifiedImageError

from tasks.inventory.deep_values import (
    bit_depth_of,
    deep_values,
    describe_values,
    no_data_of,
)
from tasks.inventory.image_formats import (
    HEADER_BYTES,
    IMAGE_FORMATS,
    PLUGIN_OF,
    signature_of,
)
from tasks.inventory.jpeg_xl import declared_size
from tasks.inventory.orientation import ON_ITS_SIDE, orientation_of

if TYPE_CHECKING:
    import numpy as np

UNREAD_TIFF = (
    "a TIFF that is damaged, or of a kind that isn't read, such as floats of 64 bits or in colours;"
    " save it again with integers of 16 bits, or gray floats of 32"
)


def open_image(data: bytes, *, max_pixels: int) -> Image.Image:
    """Open an image from bytes without expanding it yet.

    `max_pixels` is the only limit, also for frames and tiles that are found while it is expanded.

    Raises:
        ValueError: there are no bytes, more than `max_pixels` pixels are declared, the format needs
            a package that is not installed, or it is a TIFF of a kind that isn't read.
        PIL.UnidentifiedImageError: the bytes are in no known image format.
    """
    if not data:
        raise ValueError("the file is empty (0 bytes)")
    signature = signature_of(data[:HEADER_BYTES])
    if signature in PLUGIN_OF and not PLUGIN_OF[signature].is_installed:
        raise ValueError(PLUGIN_OF[signature].remedy)
    if signature == "JXL":
        # The one plug-in that expands an image as soon as it is opened.
        _check_pixels(*declared_size(data), max_pixels)
    # `open` reads only the header, so that a bomb is recognized before it takes any memory.
    try:
        image = _open_without_pillows_limit(data, max_pixels, _formats_for(signature))
    except UnidentifiedImageError:
        if signature == "TIFF":
            raise ValueError(UNREAD_TIFF) from None
        raise
    _check_pixels(image.width, image.height, max_pixels)
    return image


def _check_pixels(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise ValueError(too_many_pixels(f"{width} x {height}", max_pixels))


def _open_without_pillows_limit(
    data: bytes, max_pixels: int, formats: tuple[str, ...]
) -> Image.Image:
    # Pillow's limit is a variable of its module. It is set at every opening, as each worker process
    # has one of its own, which other code may set too. WebP is the one format that takes memory for
    # the image when it is opened, so Pillow has to compare its size before.
    Image.MAX_IMAGE_PIXELS = max_pixels if data[8:12] == b"WEBP" else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(data), formats=formats)
    finally:
        Image.MAX_IMAGE_PIXELS = max_pixels


def too_many_pixels(declared: str, max_pixels: int | None) -> str:
    """Return why an image that declares this many pixels is not expanded."""
    return (
        f"declares {declared} pixels, more than data.max_pixels = {max_pixels} (a decompression"
        " bomb?); not expanded"
    )


@functools.cache
def _formats_for(signature: str | None) -> tuple[str, ...]:
    """Return those of our formats that can be opened here, for a file that begins like this."""
    if signature in PLUGIN_OF:
        PLUGIN_OF[signature].register()
    Image.init()
    return tuple(name for name in IMAGE_FORMATS if name in Image.OPEN)


def describe_file(image: Image.Image, data: bytes) -> tuple[dict[str, Any], np.ndarray | None]:
    """Decode and describe an opened image, and read its values if they have more than 8 bits.

    Returns:
        The facts of `describe_image` and of `deep_values.describe_values`, and the values, or None
        for an image of 8 bits.
    """
    facts = describe_image(image)
    values = deep_values(image, facts["bit_depth"], data)
    if values is not None:
        facts |= describe_values(values, no_data_of(image))
    return facts, values


def describe_image(image: Image.Image) -> dict[str, Any]:
    """Decode an opened image and describe it.

    Returns:
        format, mode, height, width (pixels), channels, aspect (width / height), frames (of an
        animation or a document; 1 for a plain image), orientation (of EXIF, 1 to 8; 1 is upright)
        and bit_depth (per channel, as stored). Height, width and aspect are those of the image as
        it is displayed, turned by its orientation.

    Raises:
        Exception: whatever Pillow raises on bytes it can't decode.
    """
    facts = {
        "format": image.format,
        "mode": image.mode,
        "channels": len(image.getbands()),
        # A phone's MPO holds one photograph and previews of it, not an animation.
        "frames": 1 if image.format == "MPO" else getattr(image, "n_frames", 1),
        "bit_depth": bit_depth_of(image),
    }
    image.load()
    # Only now: some formats store their metadata after the pixels.
    orientation = orientation_of(image)
    on_its_side = orientation in ON_ITS_SIDE
    width, height = image.size[::-1] if on_its_side else image.size
    shape = {"height": height, "width": width, "aspect": width / height}
    return facts | shape | {"orientation": orientation}
