"""`pixelgate predict`: one row per file, with what was done to it or why it can't be read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tasks.errors import UsageError
from tasks.models.contract import InputContract
from tasks.serving.given_files import expand_given
from tasks.serving.predictor import decode_files, predict_files

if TYPE_CHECKING:
    from pathlib import Path

    from tests.model_bench import Bench

RGB = InputContract(("a", "b"), 16, 16, "rgb", "categorical")


def noise(mode: str, size: tuple[int, int] = (20, 20)) -> Image.Image:
    """Return an image of a mode of Pillow's."""
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 4), np.uint8)
    return Image.fromarray(pixels).convert(mode)


@pytest.mark.parametrize(
    ("mode", "color_mode", "note"),
    [
        ("RGB", "rgb", None),
        ("L", "grayscale", None),
        ("RGBA", "rgba", None),
        ("L", "rgb", "gray, repeated in three channels"),
        ("1", "rgb", "gray, repeated in three channels"),
        ("LA", "rgb", "gray, repeated in three channels; transparency laid over white"),
        ("RGBA", "rgb", "transparency laid over white"),
        ("RGB", "grayscale", "colours converted to gray"),
        ("RGBA", "grayscale", "colours converted to gray; transparency laid over white"),
        ("P", "rgb", None),
        ("CMYK", "rgb", "CMYK converted to RGB"),
        ("RGB", "rgba", "without transparency, taken as opaque"),
    ],
)
def test_an_image_of_another_kind_is_fitted_and_noted(
    tmp_path: Path, mode: str, color_mode: str, note: str | None
) -> None:
    """Every kind of image has a prediction; the note says what was done to it."""
    file = tmp_path / "image.tif"
    noise(mode).save(file)
    contract = InputContract(("a", "b"), 16, 16, color_mode, "categorical")
    (decoded,) = decode_files(expand_given([file]), contract, 10**6)
    assert decoded.images.shape == (1, *contract.shape)
    assert decoded.table["note"].tolist() == [note]
    assert decoded.table["error"].tolist() == [None]


def test_opaque_alpha_animations_and_tiny_images(tmp_path: Path) -> None:
    """Alpha that hides nothing is not worth a note; a frame of many and a speck are."""
    opaque = noise("RGBA")
    opaque.putalpha(255)
    opaque.save(tmp_path / "a.png")
    noise("P").save(tmp_path / "b.gif", save_all=True, append_images=[noise("L").convert("P")])
    noise("RGB", (4, 6)).save(tmp_path / "c.png")
    (decoded,) = decode_files(expand_given([tmp_path]), RGB, 10**6)
    table = decoded.table
    assert table["note"].tolist() == [None, "the first of 2 frames", "enlarged from 4 x 6 pixels"]


def test_what_cant_be_read_has_a_row_with_the_reason(tmp_path: Path) -> None:
    """Missing and damaged files, empty folders, pipes and names that are not UTF-8."""
    (tmp_path / "full").mkdir()
    noise("RGB").save(tmp_path / "full/good.png")
    (tmp_path / "full/bad.png").write_bytes((tmp_path / "full/good.png").read_bytes()[:300])
    (tmp_path / "empty").mkdir()
    (tmp_path / "zero.jpg").touch()
    (tmp_path / "link.png").symlink_to(tmp_path / "gone.png")
    os.mkfifo(tmp_path / "pipe.png")
    odd = tmp_path / os.fsdecode(b"caf\xe9.png")
    noise("RGB").save(odd)
    names = ("full", "missing.png", "empty", "zero.jpg", "link.png", "pipe.png", odd.name, "a\0b")
    files = expand_given([tmp_path / name for name in names])
    (decoded,) = decode_files(files, RGB, 10**6)
    errors = dict(zip(decoded.table["path"], decoded.table["error"], strict=True))
    found = {path.removeprefix(f"{tmp_path}/"): error for path, error in errors.items()}
    assert found.pop("full/good.png") is None
    assert found.pop("caf\\xe9.png") is None
    assert len(decoded.images) == 2
    expected = {
        "full/bad.png": "truncated",
        "missing.png": "No such image or folder",
        "empty": "a folder without images",
        "zero.jpg": "empty",
        "link.png": "No such file",
        "pipe.png": "pipe",
        "a\0b": "null",
    }
    assert set(found) == set(expected)
    for name, words in expected.items():
        assert words in str(found[name]), name


def test_a_missing_path_among_several_is_a_row(bench: Bench) -> None:
    """The others are predicted; only where none exists the command is wrong."""
    bench.retrain(0.9)
    image, missing = bench.root / "a/000.png", bench.root / "missing.png"
    table = predict_files([missing, image], bench.store, max_pixels=10**6)
    assert table["error"].tolist() == ["No such image or folder", None]
    assert table["predicted"].notna().tolist() == [False, True]
    with pytest.raises(UsageError, match=r"No such image or folder: .*missing\.png"):
        predict_files([missing, missing], bench.store, max_pixels=10**6)
    empty = bench.folder / "nothing"
    empty.mkdir(exist_ok=True)
    table = predict_files([empty], bench.store, max_pixels=10**6)
    assert table["error"].tolist() == ["a folder without images"]
