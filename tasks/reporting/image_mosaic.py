"""Images of one size go in; one picture of all of them, in rows and columns, comes out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

WHITE = 255
# How many times as long as wide, or as wide as long, an image may fill its cell.
LONGEST = 2


@dataclass(frozen=True)
class Mosaic:
    """Where images of one size lie in a picture of rows and columns.

    Attributes:
        size: height and width of an image, pixels.
        rows: of images.
        columns: of images.
        gap: between two columns, in shares of a cell's width.
        above: what is free above each cell, in shares of its width too.
    """

    size: tuple[int, int]
    rows: int
    columns: int
    gap: float
    above: float

    @property
    def cell(self) -> tuple[int, int]:
        """Height and width of what an image is shown in the middle of, pixels.

        Of long images more than the image, or a few of them would fill a page.
        """
        height, width = self.size
        return max(height, width // LONGEST), max(width, height // LONGEST)

    @property
    def steps(self) -> tuple[int, int]:
        """From one row to the next, and from one column to the next, pixels."""
        height, width = self.cell
        return height + math.ceil(self.above * width), width + math.ceil(self.gap * width)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the picture, pixels."""
        down, across = self.steps
        return self.rows * down, self.columns * across

    def corner(self, number: int) -> tuple[int, int]:
        """Return the row and the column of an image's upper left pixel."""
        row, column = divmod(number, self.columns)
        down, across = self.steps
        height, width = self.size
        top = (row + 1) * down - (self.cell[0] + height) // 2
        return top, column * across + (across - width) // 2

    def arrange(self, images: Sequence[np.ndarray | None], fill: float) -> np.ndarray:
        """Lay images out, row by row.

        Args:
            images: each (height, width, ...) of this size, or None for an empty cell.
            fill: the value between them.

        Returns:
            (picture height, picture width, ...), of the dtype of the images.
        """
        height, width = self.size
        first = next(image for image in images if image is not None)
        picture = np.full((*self.shape, *first.shape[2:]), fill, first.dtype)
        for number, image in enumerate(images):
            if image is not None:
                top, left = self.corner(number)
                picture[top : top + height, left : left + width] = image
        return picture
