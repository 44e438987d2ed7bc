"""Many images in one picture: each where it belongs, with its caption or its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tasks.reporting.figures import draw_image_grid, draw_mistakes
from tasks.reporting.image_mosaic import WHITE, Mosaic

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("size", [(28, 28), (10, 40), (40, 10), (1, 1), (1, 300), (300, 1)])
def test_every_image_lies_in_its_cell(size: tuple[int, int]) -> None:
    """Whole, in its row and column, and white between them; a cell may be empty."""
    images = [np.full((*size, 1), number, np.uint8) for number in range(5)]
    mosaic = Mosaic(size, rows=2, columns=3, gap=0.1, above=0.3)
    picture = mosaic.arrange([*images, None], WHITE)
    assert picture.shape == (*mosaic.shape, 1)
    for number, image in enumerate(images):
        top, left = mosaic.corner(number)
        np.testing.assert_array_equal(picture[top : top + size[0], left : left + size[1]], image)
    pixels = size[0] * size[1]
    assert [(picture == number).sum() for number in range(5)] == [pixels] * 5
    assert (picture == WHITE).sum() == picture.size - 5 * pixels


@pytest.mark.parametrize("size", [(512, 32), (16, 256), (8, 8), (200, 1)])
def test_long_images_make_no_page_of_their_own(size: tuple[int, int], tmp_path: Path) -> None:
    """As spectrograms are: a picture of ten classes stays one that can be looked at."""
    rows = [(f"class {number}", np.full((4, *size, 3), 90, np.uint8)) for number in range(10)]
    grid = Image.open(draw_image_grid(rows, tmp_path / "grid.png", title="as it is"))
    images = rows[0][1]
    mistakes = draw_mistakes(images, ["a read as b\n99%"] * 4, tmp_path / "mistakes.png")
    for picture in (grid, Image.open(mistakes)):
        assert 100 < picture.width < 2_000
        assert 100 < picture.height < 2_500


def colors_of(file: Path) -> set[tuple[int, ...]]:
    """Return the colours of a picture."""
    colors = Image.open(file).convert("RGB").getcolors(10**6)
    assert colors is not None
    return {color for _, color in colors}  # type: ignore[misc]


def test_mistakes_are_drawn_whatever_their_captions(tmp_path: Path) -> None:
    """Long names of classes make room for themselves, and hide no image."""
    colors = [(200, 30, 40), (10, 180, 60), (20, 40, 220)]
    images = np.array([np.full((20, 20, 3), color) for color in colors], np.uint8)
    short = draw_mistakes(images, ["a read as b\n99%"] * 3, tmp_path / "short.png")
    name = "a_very_long_name_of_a_class_that_says_everything"
    long = draw_mistakes(images, [f"{name} read as {name}\n99%"] * 3, tmp_path / "long.png")
    for file in (short, long):
        assert set(colors) <= colors_of(file)
    assert Image.open(long).height > Image.open(short).height
    assert Image.open(long).width == Image.open(short).width


def test_a_grid_has_room_for_the_names_of_its_rows(tmp_path: Path) -> None:
    """A row may be shorter than others."""
    row = np.full((4, 12, 12, 1), 90, np.uint8)
    short = draw_image_grid([("a", row), ("b", row[:2])], tmp_path / "a.png", title="as it is")
    long = draw_image_grid([("a" * 30, row)], tmp_path / "b.png", title="as it is")
    assert Image.open(long).width > Image.open(short).width
    # Matplotlib's colour map takes a level of gray for the one below.
    assert {(89, 89, 89), (255, 255, 255)} <= colors_of(short)
