"""Decoding: any mode and size of image becomes what the model is fed, in one way everywhere."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tasks.generators.decoding import Decoding, decode_image, decoding_of
from tasks.generators.inputs import build_inputs
from tasks.generators.pipelines import pixels_of
from tasks.inventory.scan import take_inventory
from tests.image_trees import config_for, in_mode

if TYPE_CHECKING:
    from pathlib import Path


def as_bytes(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Return an image as the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decode(
    data: bytes, color_mode: str, size: tuple[int, int] = (4, 6), resize: str = "stretch"
) -> np.ndarray:
    """Decode with a generous limit."""
    return decode_image(data, Decoding(size, color_mode, resize), max_pixels=10**6)


@pytest.mark.parametrize(
    ("image", "color_mode", "value"),
    [
        (Image.new("L", (6, 4), 100), "rgb", [100, 100, 100]),
        (Image.new("RGB", (6, 4), (255, 0, 0)), "grayscale", [76]),
        (Image.new("RGBA", (6, 4), (0, 0, 0, 0)), "rgb", [255, 255, 255]),
        (Image.new("RGBA", (6, 4), (9, 8, 7, 255)), "rgb", [9, 8, 7]),
        (Image.new("LA", (6, 4), (0, 0)), "grayscale", [255]),
        (Image.new("I;16", (6, 4), 0x64FF), "grayscale", [100]),
        (Image.new("1", (6, 4), 1), "grayscale", [255]),
        (Image.new("RGB", (6, 4), (1, 2, 3)), "rgba", [1, 2, 3, 255]),
    ],
)
def test_every_mode_becomes_the_target_mode(
    image: Image.Image, color_mode: str, value: list[int]
) -> None:
    """Gray, colour, transparent, 16-bit and 1-bit images come out as documented."""
    decoded = decode(as_bytes(image), color_mode)
    assert decoded.shape == (4, 6, len(value))
    assert decoded.dtype == np.uint8
    assert (decoded == value).all()


def test_a_palette_with_transparency_lies_on_white() -> None:
    """The transparent colour of a palette is white, not what the palette says."""
    image = Image.new("P", (6, 4), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    assert (decode(as_bytes(image, transparency=0), "rgb") == 255).all()


def test_exif_orientation_is_applied() -> None:
    """An image stored on its side is turned upright before it is stretched."""
    pixels = np.zeros((4, 6), np.uint8)
    pixels[:, :3] = 200
    exif = Image.Exif()
    exif[0x0112] = 6
    data = as_bytes(Image.fromarray(pixels), exif=exif)
    upright = decode(data, "grayscale", size=(6, 4))[..., 0]
    assert upright[:3].min() == 200
    assert upright[3:].max() == 0


def test_images_are_stretched_with_anti_aliasing() -> None:
    """A fine checkerboard becomes gray, not stripes."""
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype("uint8")
    small = decode(as_bytes(Image.fromarray(board)), "grayscale", size=(8, 8))
    assert np.abs(small.astype(int) - 127).max() <= 4


def squares() -> Image.Image:
    """Return a wide image: a black, a gray and a white square of 8 pixels side by side."""
    pixels = np.repeat(np.array([[10, 100, 240]], np.uint8), 8, axis=0).repeat(8, axis=1)
    return Image.fromarray(pixels)


@pytest.mark.parametrize(
    ("resize", "columns"),
    [
        ("stretch", [10, 10, 100, 100, 240, 240]),
        ("crop", [100] * 6),
        ("center_crop", [100] * 6),
    ],
)
def test_a_wide_image_becomes_a_square(resize: str, columns: list[int]) -> None:
    """Stretched, the squares stay; cut, only the middle one does."""
    decoded = decode(as_bytes(squares()), "grayscale", size=(6, 6), resize=resize)
    # Bilinear interpolation mixes a little across the edges.
    assert np.abs(decoded[..., 0].astype(int) - columns).max() < 25


def test_padding_keeps_the_whole_image_within_black_borders() -> None:
    """A third of the height is the image, in the middle; the rest is black."""
    decoded = decode(as_bytes(squares()), "grayscale", size=(6, 6), resize="pad")[..., 0]
    assert (decoded[[0, 1, 4, 5]] == 0).all()
    assert np.abs(decoded[2:4].astype(int) - [10, 10, 100, 100, 240, 240]).max() < 25
    clear = decode(as_bytes(squares().convert("RGBA")), "rgba", size=(6, 6), resize="pad")
    assert (clear[0] == 0).all()
    assert (clear[2, ..., 3] == 255).all()


def test_a_centre_that_is_cut_is_not_scaled() -> None:
    """Of a large image the middle pixels, of a small one all it has, scaled up."""
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype("uint8")
    cut = decode(as_bytes(Image.fromarray(board)), "grayscale", (8, 8), resize="center_crop")
    assert (cut[..., 0] == board[28:36, 28:36]).all()
    small = decode(as_bytes(squares()), "grayscale", (16, 16), resize="center_crop")
    assert (small[..., 0] == 100).sum() > 150


@pytest.mark.parametrize("resize", ["stretch", "pad", "crop"])
def test_every_way_of_shrinking_is_anti_aliased(resize: str) -> None:
    """A fine checkerboard becomes gray, not stripes."""
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype("uint8")
    small = decode(as_bytes(Image.fromarray(board)), "grayscale", (8, 8), resize=resize)
    assert np.abs(small.astype(int) - 127).max() <= 4


def test_a_cmyk_photograph_is_converted_by_pillow() -> None:
    """Pure cyan has no red."""
    data = as_bytes(Image.new("CMYK", (6, 4), (255, 0, 0, 0)), "JPEG", quality=95)
    assert np.abs(decode(data, "rgb").astype(int) - [0, 255, 255]).max() <= 3


def test_any_mix_is_the_same_in_training_evaluation_and_prediction(tmp_path: Path) -> None:
    """Sizes, modes and orientations mixed: the saved model answers all three alike."""
    import pandas as pd

    from tasks.evaluation.evaluate import evaluate_model
    from tasks.registry.mlflow_store import CHAMPION, open_store
    from tasks.registry.registration import register_version
    from tasks.runs.provenance import RUN_TAG
    from tasks.serving.predictor import predict_files
    from tasks.training.request import TrainingRequest
    from tasks.training.train import train_model

    root = tmp_path / "mixed"
    modes = ("L", "RGB", "RGBA", "P", "CMYK", "I;16", "LA", "1")
    random = np.random.default_rng(0)
    for number in range(64):
        label, mode = "ab"[number % 2], modes[number // 2 % len(modes)]
        height, width = random.integers(12, 60, 2)
        pixels = random.integers(0, 90, (height, width), np.uint8)
        pixels[:, : width // 2] += 160 if label == "a" else 0
        pixels[:, width // 2 :] += 160 if label == "b" else 0
        image = in_mode(pixels, mode)
        exif = Image.Exif()
        exif[0x0112] = 2 if number % 5 == 0 else 1
        options: dict[str, Any] = {"exif": exif} if mode in ("RGB", "CMYK") else {}
        suffix = ".jpg" if options else ".png"
        (root / label).mkdir(parents=True, exist_ok=True)
        image.save(root / label / f"{number}{suffix}", **options)
    generators = {"target_size": 20, "color_mode": "rgb", "resize": "pad"}
    config = config_for(root, generators=generators, training={"epochs": 1})
    inventory = take_inventory(config.data, seed=42)
    inputs = build_inputs(inventory, config, directory=tmp_path / "run")
    assert inputs.contract.resize == "pad"
    request = TrainingRequest.of(
        inputs, config, workspace=tmp_path / "w", directory=tmp_path / "model"
    )
    trained = train_model(request, on_epoch=lambda *_: None)
    evaluation = evaluate_model(
        trained.path, inputs.contract, inventory, config, predictions=tmp_path / "p.parquet"
    )
    store = open_store(config.paths, config.registry)
    candidate = register_version(
        store, trained.path, inputs.contract, evaluation, settings={}, tags={RUN_TAG: "r"},
        evidence=tmp_path / "none",
    )  # fmt: skip
    store.client.set_registered_model_alias(config.name, CHAMPION, candidate.version)
    judged = pd.read_parquet(tmp_path / "p.parquet")
    predicted = predict_files(
        [root / path for path in judged["path"]], store, max_pixels=config.data.max_pixels
    )
    assert predicted["error"].isna().all()
    assert predicted["predicted"].tolist() == judged["predicted"].tolist()
    np.testing.assert_allclose(predicted["probability"], judged["probability"], atol=1e-6)
    index = pd.read_parquet(inputs.index)
    for row, path in enumerate(index["path"]):
        decoding = decoding_of(inputs.contract)
        alone = decode_image((root / path).read_bytes(), decoding, max_pixels=10**6)
        assert np.array_equal(pixels_of(inputs.pixels, np.array([row]))[0], alone)
