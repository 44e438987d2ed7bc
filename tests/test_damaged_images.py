"""Images that decode though their data is damaged are named; sound ones never are."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tasks.inventory.image_file import read_images

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.gate_keeper import GateKeeper
    from tests.image_trees import Tree

    DamageOf = Callable[[bytes], str | None]


def jpeg(mode: str = "RGB", side: int = 96, **options: Any) -> bytes:
    """Return a JPEG of some structure and noise."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 255, (12, 12, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).resize((side, side)).convert(mode)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90, **options)
    return file.getvalue()


def middle(data: bytes, foreign: bytes) -> bytes:
    """Overwrite the middle of a file."""
    half = len(data) // 2
    return data[:half] + foreign + data[half + len(foreign) :]


# A sector of a disk. Of fewer bytes the decoder may find its way back without a complaint.
LOST = 512
WHOLE = jpeg("L", 400)
PROGRESSIVE = jpeg("L", 400, progressive=True)
GRAY_TAIL = np.asarray(Image.open(io.BytesIO(WHOLE))).copy()
GRAY_TAIL[200:] = 128


def saved(pixels: np.ndarray) -> bytes:
    """Save pixels as a JPEG."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (middle(WHOLE, bytes(LOST)), "Corrupt JPEG data"),
        (middle(WHOLE, b"<html>404</html>" * 32), "Corrupt JPEG data"),
        (middle(WHOLE, np.random.default_rng(1).bytes(8)), "Corrupt JPEG data"),
        (WHOLE[: len(WHOLE) * 2 // 3] + b"\xff\xd9", "premature end"),
        (WHOLE[: len(WHOLE) // 2] + b"\xff\xd9" + WHOLE[len(WHOLE) // 2 :], "premature end"),
        (PROGRESSIVE[: len(PROGRESSIVE) * 2 // 3] + b"\xff\xd9", "premature end"),
        (middle(PROGRESSIVE, b"text" * 128), "Corrupt JPEG data"),
        (saved(GRAY_TAIL), "the lower 50% is uniform gray"),
    ],
    ids=["zeros", "text", "noise", "cut", "early end", "cut progressive", "progressive", "gray"],
)
def test_damage_that_decodes_is_told(tmp_path: Path, data: bytes, words: str) -> None:
    """The row has no error, and says what the decoder complained about."""
    (tmp_path / "a.jpg").write_bytes(data)
    (row,) = read_images(str(tmp_path), ["a.jpg"], 10**6)
    assert row["error"] is None
    assert words in row["damage"]


@pytest.fixture
def damage_of(tmp_path: Path) -> DamageOf:
    """Return what finds out what is wrong with the image in a file."""

    def damage_in(data: bytes) -> str | None:
        (tmp_path / "a.jpg").write_bytes(data)
        (row,) = read_images(str(tmp_path), ["a.jpg"], 10**6)
        assert row["error"] is None
        damage: str | None = row["damage"]
        return damage

    return damage_in


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_sound_images_are_not_blamed(
    mode: str, options: dict[str, Any], damage_of: DamageOf
) -> None:
    """Whatever their kind, and whatever a camera appends or pads with."""
    data = jpeg(mode, **options)
    assert damage_of(data) is None
    assert damage_of(data + bytes(5000)) is None
    assert damage_of(data + data) is None
    for count in (1, 7, 40):
        assert damage_of(data[:-2] + bytes(count) + data[-2:]) is None
    assert damage_of(jpeg(side=1)) is None
    assert damage_of(saved(np.full((64, 64), 128, np.uint8))) is None
    assert damage_of(saved(np.full((64, 64), 255, np.uint8))) is None


def test_zeros_that_replaced_the_end_are_no_padding(damage_of: DamageOf) -> None:
    """However many of them the decoder makes pixels of before it has enough."""
    cut = len(WHOLE) * 2 // 3
    assert damage_of(WHOLE[:cut] + bytes(len(WHOLE) - cut - 2) + WHOLE[-2:]) is not None


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "RGBA"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_gray_lower_part_is_told_in_any_format(mode: str, kind: str, damage_of: DamageOf) -> None:
    """A damaged JPEG may have been resized and saved again."""
    file = io.BytesIO()
    Image.fromarray(GRAY_TAIL).convert(mode).save(file, kind)
    assert "the lower 50% is uniform gray" in str(damage_of(file.getvalue()))


def test_gray_that_is_no_missing_data_is_not_blamed(damage_of: DamageOf) -> None:
    """A border on both ends, a gray floor with its noise, a few rows of a small image."""
    random = np.random.default_rng(0)
    scene = np.asarray(Image.open(io.BytesIO(WHOLE))).copy()
    border = scene.copy()
    border[:60], border[-60:] = 128, 128
    floor = scene.copy()
    floor[200:] = random.integers(124, 133, floor[200:].shape)
    small = scene[:32, :32].copy()
    small[-7:] = 128
    for pixels in (border, floor, small):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        assert damage_of(file.getvalue()) is None


def test_the_gate_warns_with_the_name(keeper: GateKeeper, image_tree: Tree) -> None:
    """A warning, and none without damage."""
    root = image_tree()
    (root / "cat/bad.jpg").write_bytes(middle(WHOLE, bytes(LOST)))
    findings = keeper.judge(root).findings
    (finding,) = [each for each in findings if each.rule == "intact"]
    assert (finding.success, finding.severity) == (False, "warning")
    assert "cat/bad.jpg: Corrupt JPEG data" in str(finding.examples)
    (root / "cat/bad.jpg").write_bytes(WHOLE)
    (finding,) = [each for each in keeper.judge(root).findings if each.rule == "intact"]
    assert finding.success
