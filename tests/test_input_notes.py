"""What is done to an image of another kind than the model's input, and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tasks.models.contract import InputContract
from tasks.serving.given_files import GivenFile
from tasks.serving.input_notes import decode_with_notes

if TYPE_CHECKING:
    from pathlib import Path


def decoded(file: Path, color_mode: str) -> tuple[np.ndarray | None, str | None, str | None]:
    """Decode a file for a model of 16 x 16 pixels."""
    contract = InputContract(("a", "b"), 16, 16, color_mode, "sparse")
    return decode_with_notes(contract, [GivenFile(file)], 10**6)[0]


@pytest.mark.parametrize(
    ("mode", "color_mode", "note"),
    [
        ("L", "grayscale", None),
        ("RGB", "rgb", None),
        ("L", "rgb", "gray, repeated in three channels"),
        ("1", "rgb", "gray, repeated in three channels"),
        ("RGB", "grayscale", "colours converted to gray"),
        ("CMYK", "rgb", "CMYK converted to RGB"),
        ("RGBA", "rgb", "transparency laid over white"),
        ("RGB", "rgba", "without transparency, taken as opaque"),
    ],
)
def test_another_mode_is_converted_and_said(
    tmp_path: Path, mode: str, color_mode: str, note: str | None
) -> None:
    """The input has the model's channels whatever the file has."""
    file = tmp_path / "image.tiff"
    Image.new(mode, (16, 16)).save(file)
    image, said, error = decoded(file, color_mode)
    assert error is None
    assert said == note
    assert image is not None
    assert image.dtype == np.uint8
    assert image.shape == (16, 16, {"grayscale": 1, "rgb": 3, "rgba": 4}[color_mode])


def test_opaque_alpha_needs_no_note(tmp_path: Path) -> None:
    """Nothing shows through, so nothing was laid over white."""
    Image.new("RGBA", (16, 16), (9, 9, 9, 255)).save(tmp_path / "opaque.png")
    assert decoded(tmp_path / "opaque.png", "rgb")[1] is None


def test_frames_and_small_images_are_said(tmp_path: Path) -> None:
    """Only the first frame is predicted, and an enlarged image holds little."""
    pages = [Image.new("L", (4, 6), shade) for shade in (0, 200)]
    pages[0].save(tmp_path / "pages.tiff", save_all=True, append_images=pages[1:])
    image, said, _ = decoded(tmp_path / "pages.tiff", "grayscale")
    assert said == "the first of 2 frames; enlarged from 6 x 4 pixels"
    assert image is not None
    assert image.max() == 0


def test_what_cannot_be_read_has_a_reason(tmp_path: Path) -> None:
    """A known error is kept, and a file that is no image gets its own."""
    (tmp_path / "text.png").write_text("no image")
    image, said, error = decoded(tmp_path / "text.png", "rgb")
    assert (image, said) == (None, None)
    assert error
    contract = InputContract(("a", "b"), 16, 16, "rgb", "sparse")
    missing = GivenFile(tmp_path / "gone.png", "there is no such file")
    assert decode_with_notes(contract, [missing], 100) == [(None, None, "there is no such file")]
