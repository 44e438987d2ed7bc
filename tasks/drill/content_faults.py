"""A sample goes in; faults of what its images show are planted in it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from tasks.drill.planting import open_image, path_in_first_class
from tasks.inventory.columns import TEST, TRAIN

if TYPE_CHECKING:
    from tasks.drill.sample import Sample

CROPPED = 6
# Of each side: what is left of a cropped copy.
LEFT = 0.85
CHART_SIDE, BARS = 240, 12


def add_test_chart(sample: Sample) -> list[str]:
    """Add a chart of coloured bars, as a camera or a scanner is tested with."""
    path = path_in_first_class(sample, "chart.png")
    colours = np.random.default_rng(0).integers(0, 256, (BARS, BARS, 3), dtype=np.uint8)
    chart = Image.fromarray(colours).resize((CHART_SIDE, CHART_SIDE), Image.Resampling.NEAREST)
    chart.save(sample.work / path)
    return [path]


def leak_cropped_copies(sample: Sample) -> list[str]:
    """Put cropped and mirrored copies of training images into test."""
    planted = []
    for source in sample.paths(TRAIN)[:: max(1, len(sample.paths(TRAIN)) // CROPPED)]:
        image = open_image(sample, source)
        width, height = (round(LEFT * side) for side in image.size)
        label, name = PurePosixPath(source).parts[-2:]
        path = f"{TEST}/{label}/cropped_{Path(name).stem}.png"
        ImageOps.mirror(image.crop((0, 0, width, height))).save(sample.work / path)
        planted.append(path)
    return planted
