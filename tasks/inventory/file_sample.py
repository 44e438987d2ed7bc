"""Describes some image files, by which the rest can be guessed.

Imports only Pillow and what reading needs, so that a worker process starts fast.
"""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

from tasks.inventory.image_file import read_regular_file
from tasks.inventory.opened_image import describe_file, open_image

if TYPE_CHECKING:
    from collections.abc import Sequence


def describe_files(root: str, paths: Sequence[str], max_pixels: int) -> list[dict[str, Any]]:
    """Return what `describe_file` says of each file that can be read; the others are left out."""
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in paths:
            try:
                data = read_regular_file(f"{root}{os.sep}{path}", {})
                with open_image(data, max_pixels=max_pixels) as image:
                    rows.append(describe_file(image, data)[0])
            except Exception:  # noqa: BLE001, S112 - decoders raise anything on damaged bytes
                continue
    return rows
