"""An opened image goes in; how EXIF says it was held, and the image turned upright, come out.

Imports only Pillow, so that a worker process starts fast.
"""

from __future__ import annotations

import contextlib

from PIL import Image

EXIF_ORIENTATION = 0x0112
UPRIGHT = 1
METADATA = frozenset(
    ("exif", "Raw profile type exif", "Raw profile type APP1", "XML:com.adobe.xmp", "xmp")
)
# What a viewer does to the stored pixels, by the value of the orientation.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# These exchange height and width.
ON_ITS_SIDE = frozenset((5, 6, 7, 8))


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where there is none, or none that has a meaning."""
    # Parsing EXIF takes time, and most images of a data set have no metadata at all.
    if image.format == "TIFF" or METADATA.intersection(image.info):
        # Damaged metadata, or the 0 that some cameras write, turns no image in any viewer.
        with contextlib.suppress(Exception):
            value = image.getexif().get(EXIF_ORIENTATION, UPRIGHT)
            return value if value in TURNS else UPRIGHT
    return UPRIGHT


def turned_upright(image: Image.Image, orientation: int) -> Image.Image:
    """Return the image as it is displayed; the same object where nothing turns it."""
    turn = TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)
