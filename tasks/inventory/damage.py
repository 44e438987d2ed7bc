"""The bytes of a JPEG go in; what its decoder complained about comes out.

Pillow decodes damaged JPEGs without a word: libjpeg fills what it can't read with gray or goes on
with garbage, and its warnings are not passed on. TurboJPEG's are.
"""

from __future__ import annotations

import numpy as np
import simplejpeg

JPEG = ("JPEG", "MPO")
# libjpeg's words for damage; its other warnings are about odd metadata.
DAMAGE = ("Corrupt JPEG data", "Premature end", "Inconsistent progression", "Invalid JPEG")
# Decoded in an eighth of the size, as only the bits are of interest and not the image.
FACTOR = 8
# What libjpeg fills with where data is missing; a share of so many rows is no coincidence.
NEUTRAL, SPREAD, LEAST_SHARE = 128, 1, 0.1


def find_damage(data: bytes, image_format: str | None) -> str | None:
    """Return what is wrong with a file that decodes; None for a sound one and for other formats.

    Args:
        data: the whole file.
        image_format: Pillow's name of it.

    Returns:
        libjpeg's own words, such as "Corrupt JPEG data: premature end of data segment", or which
        share of the image is the gray that a decoder leaves where data is missing.
    """
    if image_format not in JPEG:
        return None
    try:
        gray = simplejpeg.decode_jpeg(
            data, colorspace="GRAY", fastdct=True, min_factor=FACTOR, min_height=1, min_width=1
        )
    except ValueError as error:
        return str(error) if str(error).startswith(DAMAGE) else None
    return _gray_tail(gray[..., 0])


def _gray_tail(gray: np.ndarray) -> str | None:
    """Return the share of neutral rows at the lower end of a (height, width) uint8 image."""
    neutral = np.abs(gray.astype(np.int16) - NEUTRAL).max(axis=1) <= SPREAD
    if neutral.all() or not neutral[-1]:
        return None
    share = np.argmin(neutral[::-1]) / len(neutral)
    if share < LEAST_SHARE:
        return None
    return f"the lower {share:.0%} is uniform gray, as where the data of a JPEG ended early"
