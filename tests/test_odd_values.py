"""Values that few files have: no data, signs, planes, ranges of one image, class or split."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from tasks.generators.decoding import Decoding, decode_image
from tasks.generators.inputs import build_inputs
from tasks.inventory.image_file import read_images
from tasks.inventory.opened_image import open_image
from tasks.inventory.scan import take_inventory
from tasks.models.contract import InputContract
from tasks.serving.given_files import GivenFile
from tasks.serving.input_notes import decode_with_notes
from tests.image_trees import config_for, write_tree
from tests.raw_files import tiff_of
from tests.test_value_range import SIDE, draw_values, write_kind

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gate_keeper import GateKeeper
from tests.image_trees import Tree

NO_DATA_TAG = 42113


def row_of(tmp_path: Path, data: bytes) -> dict[str, object]:
    """Return what is read of a file."""
    (tmp_path / "file").write_bytes(data)
    (row,) = read_images(str(tmp_path), ["file"], 10**6)
    return row


def scaled(data: bytes, value_range: tuple[float, float], color_mode: str) -> np.ndarray:
    """Return the input of a model that was trained on such values."""
    decoding = Decoding((SIDE, SIDE), color_mode, "stretch", value_range)
    return decode_image(data, decoding, max_pixels=10**6)


@pytest.mark.parametrize(
    ("hole", "tag"),
    [(-9999.0, None), (-3.4028234663852886e38, None), (65535.0, None), (-500.0, "-500")],
)
def test_what_stands_for_no_data_is_no_value(tmp_path: Path, hole: float, tag: str | None) -> None:
    """However many pixels have it: far outside, or as the file says."""
    values = draw_values(0, 0, "float 0 to 1") * 300
    values[:, 8:] = hole
    described = ImageFileDirectory_v2()
    if tag is not None:
        described[NO_DATA_TAG] = tag
    file = io.BytesIO()
    Image.fromarray(values).save(file, "TIFF", tiffinfo=described)
    row = row_of(tmp_path, file.getvalue())
    assert row["value_low"] == pytest.approx(0, abs=1)
    assert row["value_high"] == pytest.approx(300, abs=1)
    assert float(str(row["contrast"])) > 20


def test_signed_bytes_keep_their_sign(tmp_path: Path) -> None:
    """Pillow takes -1 for 255."""
    values = (draw_values(0, 0, "12 bits in 16") // 16 - 128).astype(np.int8)
    row = row_of(tmp_path, tiff_of(values))
    assert (row["value_low"], row["value_high"]) == (-128, 127)
    image = scaled(tiff_of(values), (-128, 127), "grayscale")
    np.testing.assert_array_equal(image[..., 0], values.astype(int) + 128)


@pytest.mark.parametrize("kind", ["P5", "P6"])
def test_portable_maps_of_16_bits_keep_their_lower_half(tmp_path: Path, kind: str) -> None:
    """Pillow makes 8 bits of colours."""
    values = draw_values(0, 0, "12 bits in 16")
    stored = values if kind == "P5" else np.repeat(values[..., None], 3, axis=2)
    data = f"{kind}\n# a comment\n{SIDE} {SIDE}\n65535\n".encode() + stored.astype(">u2").tobytes()
    row = row_of(tmp_path, data)
    assert (row["value_high"], row["bit_depth"]) == (4095, 16)
    color_mode = "grayscale" if kind == "P5" else "rgb"
    image = scaled(data, (0, 4095), color_mode)
    np.testing.assert_allclose(image[..., 0], (values / 4095 * 255).round(), atol=1)


def test_portable_maps_written_as_text_are_scaled_to_8_bits(tmp_path: Path) -> None:
    """By Pillow, so nothing is known of their values."""
    values = np.repeat(draw_values(0, 0, "12 bits in 16")[..., None], 3, axis=2)
    numbers = " ".join(map(str, values.ravel()))
    row = row_of(tmp_path, f"P3 {SIDE} {SIDE} 4095\n{numbers}\n".encode())
    assert (row["error"], row["bit_depth"], row.get("value_high")) == (None, 16, None)


def test_what_pillow_would_misread_is_refused(tmp_path: Path) -> None:
    """With what to do instead; 8 bits in planes are read rightly."""
    values = np.stack([draw_values(0, each, "12 bits in 16") for each in range(3)], axis=2)
    assert "in a plane each" in str(row_of(tmp_path, tiff_of(values, planar=True))["error"])
    assert row_of(tmp_path, tiff_of(values))["value_high"] == 4095
    small = (values // 16).astype(np.uint8)
    with open_image(tiff_of(small, planar=True), max_pixels=10**6) as image:
        np.testing.assert_array_equal(np.asarray(image), small)


@pytest.mark.parametrize("kind", ["float64", "float16", "float32 in colours"])
def test_a_tiff_that_is_not_read_says_so(tmp_path: Path, kind: str) -> None:
    """It is no file in an unknown format."""
    values = draw_values(0, 0, "float 0 to 1").astype(kind.split(maxsplit=1)[0])
    if "colours" in kind:
        values = np.repeat(values[..., None], 3, axis=2)
    assert "a TIFF that is damaged, or of a kind that isn't read" in str(
        row_of(tmp_path, tiff_of(values))["error"]
    )


@pytest.mark.parametrize("kind", ["a thermal camera", "float 0 to 1e-4"])
def test_faint_values_are_not_blank(keeper: GateKeeper, tmp_path: Path, kind: str) -> None:
    """They only lie close together."""
    rules = [each.rule for each in keeper.judge(write_kind(tmp_path / "data", kind)).failures]
    assert not {"not_blank", "value_range", "class_values"} & set(rules)


def test_one_image_far_outside_is_named_and_all_others_keep_their_range(
    keeper: GateKeeper, tmp_path: Path
) -> None:
    """Below or above it."""
    root = write_kind(tmp_path / "data", "int32")
    values = draw_values(0, 0, "int32")
    Image.fromarray(values - 2**30).save(root / "a/below.tif")
    Image.fromarray(values * 1000).save(root / "b/wide.tif")
    (finding,) = [each for each in keeper.judge(root).failures if each.rule == "value_range"]
    assert len(finding.examples) == 2
    assert "a/below.tif: values -1073741824 to -1072741824 of 0 to 1048575" in finding.examples
    assert "b/wide.tif" in str(finding.examples)
    depth = [each for each in keeper.judge(root).findings if each.rule == "bit_depth"]
    assert "2 images have values outside, which are clipped" in depth[0].observed
    assert "42 of 42 files;" in depth[0].observed


def test_a_window_into_all_images_blames_none(keeper: GateKeeper, tmp_path: Path) -> None:
    """It is there to leave out most of their values."""
    root = write_kind(tmp_path / "data", "CT in int32")
    verdict = keeper.judge(root, context={"value_range": (0.0, 80.0)})
    assert "value_range" not in [each.rule for each in verdict.failures]


def test_a_class_of_another_range_is_a_warning(keeper: GateKeeper, tmp_path: Path) -> None:
    """A model would tell such classes by their brightness."""
    root = write_kind(tmp_path / "data", "16 bits")
    assert "class_values" not in [each.rule for each in keeper.judge(root).failures]
    for file in sorted((root / "a").iterdir()):
        values = np.asarray(Image.open(file)) >> 4
        Image.fromarray(values).save(file)
    findings = keeper.judge(root).findings
    (finding,) = [each for each in findings if each.rule == "class_values"]
    assert (finding.success, finding.severity) == (False, "warning")
    assert str(finding.examples[0]).startswith("values 0 to 4095 in a, 0 to 65535 in b: 20 files")
    # A few images say nothing about their class.
    for file in sorted((root / "a").iterdir())[4:]:
        file.unlink()
    rules = [each.rule for each in keeper.judge(root, class_size={"min_files": 2}).failures]
    assert "class_values" not in rules


def test_images_of_more_bits_in_test_alone_have_a_range_too(tmp_path: Path) -> None:
    """The model is trained on 8 bits, and evaluated on what was meant to be the same."""
    root = write_kind(tmp_path / "data" / "test", "12 bits in 16", count=6).parent
    for split in ("train", "validation"):
        write_tree(root / split, {"a": 6, "b": 6}, size=(SIDE, SIDE))
    config = config_for(root)
    inputs = build_inputs(take_inventory(config.data, seed=1), config, directory=tmp_path / "in")
    assert inputs.contract.value_range == (0, 4095)


def test_a_range_that_is_set_holds_for_images_to_come(tmp_path: Path, image_tree: Tree) -> None:
    """Though the model was trained on 8 bits alone."""
    root = image_tree()
    config = config_for(root, generators={"value_range": [0, 4095]})
    inputs = build_inputs(take_inventory(config.data, seed=1), config, directory=tmp_path / "in")
    assert "scaled" not in inputs.description
    assert inputs.contract.value_range == (0, 4095)


@pytest.mark.parametrize(
    ("scale", "loss"),
    [
        (1, "16 levels become one"),
        (16, "16 levels become one; values outside 0 to 4095 are clipped"),
        (1 / 4095, "only 1 of 256 levels is used"),
        (0.02, "only 5 of 256 levels are used"),
    ],
)
def test_an_image_of_other_values_than_the_models_has_a_note(
    tmp_path: Path, scale: float, loss: str
) -> None:
    """Its answer is worth little then."""
    values = draw_values(0, 0, "12 bits in 16") * np.float64(scale)
    kind = np.float32 if scale < 1 else np.uint16
    Image.fromarray(values.astype(kind)).save(tmp_path / "a.tif")
    contract = InputContract(
        ("a", "b"), SIDE, SIDE, "grayscale", "categorical", value_range=(0, 4095)
    )
    ((_, note, error),) = decode_with_notes(contract, [GivenFile(tmp_path / "a.tif")], 10**6)
    assert error is None
    assert str(note).endswith(f"to 8 bits: {loss}")
