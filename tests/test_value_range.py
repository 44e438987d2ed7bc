"""Images of more than 8 bits: their range is found, scaled alike everywhere, and said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from tasks.config.generators import GeneratorConfig
from tasks.generators.decoding import Decoding, decode_image
from tasks.generators.inputs import build_inputs
from tasks.generators.pipelines import pixels_of
from tasks.inventory.scan import take_inventory
from tasks.models.contract import InputContract
from tasks.serving.given_files import GivenFile
from tasks.serving.input_notes import decode_with_notes
from tests.image_trees import config_for
from tests.raw_files import png_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command_line import Command
    from tests.gate_keeper import GateKeeper
    from tests.image_trees import Tree

SIDE = 16
# What cameras, scanners and scientists save: dtype, low and high of the values, and the range.
KINDS = {
    "12 bits in 16": ("uint16", 0, 4095, (0, 4095)),
    "16 bits": ("uint16", 0, 65535, (0, 65535)),
    "a thermal camera": ("uint16", 29000, 31000, (29000, 31000)),
    "int32": ("int32", 0, 1_000_000, (0, 2**20 - 1)),
    "CT in int32": ("int32", -1024, 3071, (-1024, 3071)),
    "int32 below 0": ("int32", -1500, 800, (-2048, 2047)),
    "float 0 to 1": ("float32", 0.0, 1.0, (0, 1)),
    "float 0 to 1e-4": ("float32", 0.0, 1e-4, (0, 1e-4)),
    "CT in float": ("float32", -1000.5, 2900.5, (-1024, 3071)),
    "others in float": ("float32", -4000.5, 2900.5, (-4000.5, 2900.5)),
}


def draw_values(label: int, number: int, kind: str) -> np.ndarray:
    """Return noise with a bright bar whose position is the class, over the whole range."""
    dtype, low, high, _ = KINDS[kind]
    random = np.random.default_rng([label, number])
    share = random.random((SIDE, SIDE)) * 0.3
    share[:, label * 5 : label * 5 + 3] += 0.6
    share[0, :2], share[0, 2:4] = 0.0, 1.0
    values: np.ndarray = (low + share * (high - low)).astype(dtype)
    return values


def write_kind(root: Path, kind: str, *, count: int = 20, classes: str = "ab") -> Path:
    """Write a folder of such images, PNG where it can hold them and TIFF where not."""
    suffix = "png" if KINDS[kind][0] == "uint16" else "tif"
    for label, name in enumerate(classes):
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            values = draw_values(label, number, kind)
            Image.fromarray(values).save(root / name / f"{number:03d}.{suffix}")
    return root


@pytest.mark.parametrize("kind", KINDS)
def test_the_range_is_found_and_the_same_everywhere(tmp_path: Path, kind: str) -> None:
    """In the inventory, in what is trained on, and in what `predict` decodes; and it is said."""
    root = write_kind(tmp_path / "data", kind)
    config = config_for(root)
    inventory = take_inventory(config.data, seed=42)
    inputs = build_inputs(inventory, config, directory=tmp_path / "inputs")
    expected = KINDS[kind][3]
    assert inputs.contract.value_range == pytest.approx(expected, rel=0.04)
    assert "are scaled" in inputs.description
    paths = np.sort(inventory["path"])
    low, high = inputs.contract.value_range or (0, 0)
    files = [GivenFile(root / path) for path in paths[:3]]
    given = decode_with_notes(inputs.contract, files, 10**6)
    for file, (image, note, error) in zip(files, given, strict=True):
        with Image.open(file.path) as opened:
            values = np.asarray(opened, dtype=np.float64)
        scaled = ((values - low) / (high - low) * 255).round().clip(0, 255)
        assert image is not None, error
        np.testing.assert_allclose(image[..., 0], scaled, atol=1)
        assert "are scaled" in str(note)
    # Not crushed to a few levels, as the upper 8 of 16 bits are where 12 are used.
    assert len(np.unique(pixels_of(inputs.pixels, np.arange(3)))) > 60
    assert InputContract.from_dict(inputs.contract.as_dict()) == inputs.contract


def test_a_range_of_ones_own_is_used(tmp_path: Path) -> None:
    """A window of a CT: what lies outside is clipped, and counted in what is said."""
    root = write_kind(tmp_path / "data", "CT in int32")
    config = config_for(root, generators={"value_range": [-200, 600]})
    inputs = build_inputs(take_inventory(config.data, seed=42), config, directory=tmp_path / "in")
    assert inputs.contract.as_dict()["value_range"] == [-200, 600]
    assert "40 images have values outside, which are clipped" in inputs.description
    pixels = pixels_of(inputs.pixels, np.arange(2))
    assert (pixels.min(), pixels.max()) == (0, 255)
    for wrong in ([5, 5], [7, 3], [0, float("inf")]):
        with pytest.raises(ValidationError, match="value_range"):
            GeneratorConfig.model_validate({"value_range": wrong})


def test_images_of_8_bits_have_no_range(tmp_path: Path, image_tree: Tree) -> None:
    """Nothing is scaled, and nothing is said."""
    root = image_tree()
    config = config_for(root)
    inputs = build_inputs(take_inventory(config.data, seed=42), config, directory=tmp_path / "in")
    assert inputs.contract.value_range is None
    assert "scaled" not in inputs.description


def test_an_image_lost_in_the_range_of_the_others_is_rejected(
    keeper: GateKeeper, tmp_path: Path
) -> None:
    """12 bits among images of 16 would be nearly black; told with its values and a remedy."""
    root = write_kind(tmp_path / "data", "16 bits")
    dark = draw_values(0, 99, "16 bits") >> 8
    Image.fromarray(dark).save(root / "a/dark.png")
    verdict = keeper.judge(root, bit_depth={"severity": "info"})
    (finding,) = [each for each in verdict.failures if each.rule == "value_range"]
    assert "a/dark.png: values 0 to 255 of 0 to 65535" in str(finding.examples)
    assert "generators.value_range" in finding.remedy
    (root / "a/dark.png").unlink()
    assert "value_range" not in [each.rule for each in keeper.judge(root).failures]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_colours_of_16_bits_keep_their_lower_half(mode: str) -> None:
    """Pillow drops it when it opens them."""
    values = draw_values(0, 0, "12 bits in 16")
    channels = {"RGB": 3, "RGBA": 4, "LA": 2}[mode]
    stacked = np.repeat(values[..., None], channels, axis=2)
    if channels % 2 == 0:
        stacked[..., -1] = 65535
    data = png_of(stacked)
    image = decode_image(
        data, Decoding((SIDE, SIDE), "grayscale", "stretch", (0, 4095)), max_pixels=10**6
    )
    np.testing.assert_allclose(image[..., 0], (values / 4095 * 255).round(), atol=2)


def test_no_number_and_hot_pixels_dont_decide(tmp_path: Path) -> None:
    """NaN is the low end; one value far outside all others is clipped."""
    root = write_kind(tmp_path / "data", "float 0 to 1")
    for number in range(40):
        values = draw_values(0, number, "float 0 to 1")
        values[5, 5], values[6, 6], values[7, 7] = np.nan, np.inf, 1e6
        Image.fromarray(values).save(root / f"a/hot{number}.tif")
    inventory = take_inventory(config_for(root).data, seed=42)
    assert inventory["value_high"].max() <= 1
    config = config_for(root)
    inputs = build_inputs(inventory, config, directory=tmp_path / "in")
    assert inputs.contract.value_range == (0, 1)


def test_the_inventory_says_what_it_found(pixelgate: Command, tmp_path: Path) -> None:
    """In one sentence, and in JSON."""
    root = write_kind(tmp_path / "data", "12 bits in 16", count=3)
    said = pixelgate("inventory", root)
    assert "16-bit values 0 to 4095 are scaled to 8 bits: 16 levels become one" in said.err
    assert "16 levels" in pixelgate("inventory", root, "--json").json["values"]
