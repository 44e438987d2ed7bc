"""The eight ways in which a square can be turned and mirrored, by number.

A turn is three choices in one number: 4 transposes, then 1 mirrors left and right, then 2 mirrors
top and bottom; 0 changes nothing.

Imports only Pillow and NumPy, so that a worker process starts fast.
"""

from __future__ import annotations

import functools

import numpy as np
from PIL import Image

MIRROR, FLIP, TRANSPOSE = 1, 2, 4
TURNS = range(8)
OF_PILLOW = {
    1: Image.Transpose.FLIP_LEFT_RIGHT,
    2: Image.Transpose.FLIP_TOP_BOTTOM,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.TRANSPOSE,
    5: Image.Transpose.ROTATE_270,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
}


@functools.cache
def turned_grid(side: int) -> np.ndarray:
    """Return (8, side * side) int: by turn, which cell of a square stands in each cell of it."""
    grids = []
    for turn in TURNS:
        grid = np.arange(side * side).reshape(side, side)
        grid = grid.T if turn & TRANSPOSE else grid
        grid = grid[:, ::-1] if turn & MIRROR else grid
        grids.append((grid[::-1] if turn & FLIP else grid).ravel())
    return np.array(grids)


@functools.cache
def undone_after() -> np.ndarray:
    """Return (8, 8) int: the turn that equals the second one, followed by undoing the first."""
    grids = turned_grid(3)
    numbers = {grid.tobytes(): turn for turn, grid in enumerate(grids)}
    table = np.empty((len(grids), len(grids)), int)
    for first, grid in enumerate(grids):
        undone = np.argsort(grid)
        for second, other in enumerate(grids):
            table[first, second] = numbers[other[undone].tobytes()]
    return table


def turn_image(image: Image.Image, turn: int = 0) -> Image.Image:
    """Return an image turned; the same object by a turn of 0."""
    return image.transpose(OF_PILLOW[turn]) if turn else image
