"""How files in the work folder of a sample are opened, replaced, moved and copied.

Functions that write a file return its path, relative to the work folder.
"""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from tasks.inventory import opened_image
from tasks.inventory.columns import TRAIN
from tasks.inventory.displayed import as_displayed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from PIL import Image

    from tasks.drill.sample import Sample

WRITABLE_MODES = ("1", "L", "P", "RGB", "RGBA", "CMYK", "LA")


def open_image(sample: Sample, path: str) -> Image.Image:
    """Return an image of the work folder as a person sees it, in mode L or RGB."""
    with open_file(sample.work / path) as image:
        image.load()
        return as_displayed(image).copy()


def open_file(file: Path) -> Image.Image:
    """Open a file of the sample; the inventory has compared its size with the limit already."""
    return opened_image.open_image(file.read_bytes(), max_pixels=sys.maxsize)


def replace_image(sample: Sample, path: str, image: Image.Image) -> str:
    """Replace a file by an image, in the format and, where possible, the mode of the file."""
    file = sample.work / path
    with open_file(file) as old:
        kind, mode = old.format, old.mode
    if mode in WRITABLE_MODES:
        image = image.convert(mode)
    # Pillow reads the JPEG files of some cameras as MPO, a format for several frames.
    image.save(unlinked(sample, path), format="JPEG" if kind == "MPO" else kind)
    return path


def replace_bytes(sample: Sample, path: str, data: bytes) -> str:
    """Replace the content of a file; a file that doesn't exist is made."""
    unlinked(sample, path).write_bytes(data)
    return path


def unlinked(sample: Sample, path: str) -> Path:
    """Remove a file if it exists, and return its path."""
    file = sample.work / path
    # The copy of a read-only file is read-only: it can be removed, but not overwritten.
    file.unlink(missing_ok=True)
    return file


def move_file(sample: Sample, path: str, target: str) -> str:
    """Move a file, making the folder of its target."""
    (sample.work / target).parent.mkdir(parents=True, exist_ok=True)
    (sample.work / path).rename(sample.work / target)
    return target


def copy_file(sample: Sample, path: str, target: str) -> str:
    """Copy a file."""
    shutil.copy(sample.work / path, sample.work / target)
    return target


def remove_files(sample: Sample, paths: Iterable[str]) -> None:
    """Remove files."""
    for path in paths:
        (sample.work / path).unlink()


def path_in_first_class(sample: Sample, name: str) -> str:
    """Return the path of a file name in the train folder of the first class."""
    return f"{TRAIN}/{sample.labels[0]}/{name}"
