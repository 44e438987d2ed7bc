"""How a file of a sample's work folder is opened, changed, moved and copied.

Each function that puts a file somewhere returns its path in the work folder.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from PIL import Image

from tasks.inventory.columns import TRAIN
from tasks.inventory.image_file import as_displayed

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.drill.sample import Sample


def open_work(sample: Sample, path: str) -> Image.Image:
    """Return a file of the work folder as a person sees it, in mode L or RGB."""
    with Image.open(sample.work / path) as image:
        image.load()
        return as_displayed(image).copy()


def save_as(sample: Sample, path: str, image: Image.Image) -> str:
    """Put an image in the place of a file, in that file's format and mode where it can be."""
    with Image.open(sample.work / path) as old:
        kind, mode = old.format, old.mode
    if mode in ("1", "L", "P", "RGB", "RGBA", "CMYK", "LA"):
        image = image.convert(mode)
    image.save(fresh(sample, path), format="JPEG" if kind == "MPO" else kind)
    return path


def write(sample: Sample, path: str, data: bytes) -> str:
    """Put bytes in the place of a file."""
    fresh(sample, path).write_bytes(data)
    return path


def move(sample: Sample, path: str, place: str) -> str:
    """Move a file."""
    target = sample.work / place
    target.parent.mkdir(parents=True, exist_ok=True)
    (sample.work / path).rename(target)
    return place


def copy(sample: Sample, path: str, place: str) -> str:
    """Copy a file."""
    shutil.copy(sample.work / path, sample.work / place)
    return place


def beside(sample: Sample, name: str) -> str:
    """Return a name in the first class of train."""
    return f"{TRAIN}/{sample.labels[0]}/{name}"


def fresh(sample: Sample, path: str) -> Path:
    """Return the place of a file, without the file."""
    place = sample.work / path
    place.unlink(missing_ok=True)
    return place
