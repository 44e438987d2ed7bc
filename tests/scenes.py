"""Drawn scenes that the product takes for photographs: large, in colour, of many grays, JPEG."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SIZE = (208, 192)
SHAPES = 20


def draw_scene(number: int, kind: int = 0) -> Image.Image:
    """Draw shapes before a gradient, with the noise of a camera.

    Args:
        number: of the scene: another number is another scene.
        kind: of its shapes: 0 discs, 1 bars, 2 outlines of triangles.
    """
    random = np.random.default_rng([kind, number])
    # Each has its own light, and few large shapes or many small ones.
    corners = random.integers(0, 256, (2, random.integers(1, 4), 3), dtype=np.uint8)
    image = Image.fromarray(corners).resize(SIZE, Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(image)
    largest = int(random.integers(14, 60))
    for _ in range(int(SHAPES * 30 / largest)):
        x, y = (int(random.integers(0, side)) for side in SIZE)
        reach = int(random.integers(largest // 2, largest))
        colour = tuple(int(value) for value in random.integers(0, 256, 3))
        if kind == 0:
            draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=colour)
        elif kind == 1:
            draw.rectangle((x - reach, y - reach // 4, x + reach, y + reach // 4), fill=colour)
        else:
            corner = [(x, y - reach), (x - reach, y + reach), (x + reach, y + reach)]
            draw.polygon(corner, outline=colour, width=3)
    noise = random.normal(0, 6, (SIZE[1], SIZE[0], 3))
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(0.7))) + noise
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def write_scenes(root: Path, classes: Mapping[str, int], first: int = 0) -> Path:
    """Write <root>/<class>/<number>.jpg, a kind of scenes a class, and return the root."""
    for kind, (label, count) in enumerate(classes.items()):
        (root / label).mkdir(parents=True, exist_ok=True)
        for number in range(first, first + count):
            file = root / label / f"{number:03d}.jpg"
            draw_scene(number, kind).save(file, quality=92)
    return root
