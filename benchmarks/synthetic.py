"""Folders of generated images to measure on."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

MILLION = 1_000_000
PHOTOS = 1_000


def write_million(folder: Path) -> None:
    """Write a million small PNG files, all different, in ten classes."""
    random = np.random.default_rng(0)
    for number in range(MILLION):
        directory = folder / f"class{number % 10}" / f"part_{number // 10 % 100:02d}"
        if number < 1_000:  # noqa: PLR2004 - these are in each folder once
            directory.mkdir(parents=True, exist_ok=True)
        data = io.BytesIO()
        Image.fromarray(random.integers(0, 255, (12, 12), dtype=np.uint8)).save(data, "PNG")
        (directory / f"{number}.png").write_bytes(data.getvalue())


def write_photos(folder: Path) -> None:
    """Write a thousand JPEG files of 1024 x 768 pixels, soft shapes with some noise."""
    random = np.random.default_rng(0)
    for number in range(PHOTOS):
        directory = folder / f"class{number % 2}"
        directory.mkdir(parents=True, exist_ok=True)
        shapes = Image.fromarray(random.integers(0, 255, (9, 12, 3), dtype=np.uint8))
        pixels = np.asarray(shapes.resize((1024, 768), Image.Resampling.BICUBIC), np.int16)
        noisy = (pixels + random.integers(-9, 9, pixels.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(directory / f"{number}.jpg", quality=90)


def draw(file: Path, number: int, *, size: tuple[int, int] = (16, 16)) -> None:
    """Write one gray PNG: stripes, upright in one class of two and level in the other, and noise.

    Args:
        file: its folder names the class.
        number: seeds the noise, so that no two are alike.
        size: height and width, pixels.
    """
    level = file.parent.name.encode()[0] % 2
    random = np.random.default_rng([number, level])
    stripes = np.indices(size)[level] // 3 % 2 * 120 + 60
    pixels = stripes + random.normal(0, 25, size)
    file.parent.mkdir(parents=True, exist_ok=True)
    data = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(data, "PNG")
    # Renamed: whoever watches the folder must not see half a file.
    partial = file.with_suffix(".part")
    partial.write_bytes(data.getvalue())
    partial.rename(file)
