"""The bytes of a file, or the pixels of an image, go in; what shows that data was lost comes out.

Pillow decodes damaged JPEGs without a word: libjpeg fills what it can't read with gray or goes on
with garbage, and its warnings are not passed on. TurboJPEG's are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import simplejpeg

if TYPE_CHECKING:
    from PIL import Image

JPEG = ("JPEG", "MPO")
# libjpeg's words for damage; its other warnings are about odd metadata.
DAMAGE = ("Corrupt JPEG data", "Premature end", "Inconsistent progression", "Invalid JPEG")
# Some cameras fill up a file with zeros before its end marker; libjpeg calls them corrupt too.
END_MARKER = b"\xff\xd9"
EXTRANEOUS = re.compile(r"Corrupt JPEG data: (\d+) extraneous bytes before marker 0xd9")
MOST_PADDING = 64
COLORSPACES = {"L": "GRAY", "RGB": "RGB"}
# What libjpeg fills with where data is missing: the gray of blocks without coefficients.
DARKEST_FILL, FILL_LEVELS = 127, (0, 1, 2)
# So large that it is no coincidence: a share of the image, and rows, as a block has eight.
LEAST_SHARE, LEAST_ROWS = 0.1, 8


def decode_jpeg(data: bytes, opened: Image.Image) -> tuple[np.ndarray | None, str | None]:
    """Decode a sound JPEG, or return libjpeg's complaint about a damaged one.

    Args:
        data: the whole file.
        opened: by Pillow; images of other formats and modes than L and RGB are not decoded.

    Returns:
        The pixels, (height, width) or (height, width, 3) uint8, not turned upright and equal to
        Pillow's, or None where only Pillow can decode them; and such as "Corrupt JPEG data:
        premature end of data segment", or None.
    """
    if opened.format not in JPEG:
        return None, None
    try:
        if opened.mode in COLORSPACES:
            pixels = simplejpeg.decode_jpeg(data, colorspace=COLORSPACES[opened.mode])
            return (pixels[..., 0] if opened.mode == "L" else pixels), None
        # In an eighth of the size, as only the warnings are of interest.
        simplejpeg.decode_jpeg(
            data, colorspace="GRAY", fastdct=True, min_factor=8, min_height=1, min_width=1
        )
    except ValueError as error:
        words = str(error)
        is_damage = words.startswith(DAMAGE) and not _is_padding(words, data)
        return None, words if is_damage else None
    return None, None


def _is_padding(words: str, data: bytes) -> bool:
    match = EXTRANEOUS.match(words)
    count = int(match[1]) if match else 0
    return 0 < count <= MOST_PADDING and bytes(count) + END_MARKER in data


def find_gray_tail(pixels: bytes, height: int) -> str | None:
    """Return which share of an image is the gray that a decoder leaves where data is missing.

    It is looked for in all formats, as a damaged JPEG may have been saved again.

    Args:
        pixels: 8-bit gray or colours, as displayed.
        height: number of their rows.

    Returns:
        None unless that gray is at the lower end, and there alone.
    """
    # The last value decides for nearly all images, which so cost nothing.
    if pixels[-1] - DARKEST_FILL not in FILL_LEVELS:
        return None
    values: np.ndarray = np.frombuffer(pixels, np.uint8).reshape(height, -1)
    is_fill: np.ndarray = np.isin(values - np.uint8(DARKEST_FILL), FILL_LEVELS)
    rows = np.asarray(is_fill.all(axis=1))
    # Gray at the upper end too is a border, or the background.
    if rows[0] or not rows[-1]:
        return None
    count = int(np.argmin(rows[::-1]))
    if count < max(LEAST_ROWS, LEAST_SHARE * height):
        return None
    return (
        f"the lower {count / height:.0%} is uniform gray, as where the data of a JPEG ended early"
    )
