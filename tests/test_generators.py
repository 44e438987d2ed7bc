"""What the model is fed: decoding, the cache, the contract, the pipelines and the previews."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tasks.config import RetrainConfig
from tasks.errors import DataFolderError, SettingsError
from tasks.generators.decoding import decode_picture
from tasks.generators.pipelines import (
    evaluation_batches,
    pixels_of,
    steps_per_epoch,
    training_batches,
)
from tasks.generators.recipe import InputContract, Inputs, build_inputs
from tasks.inventory.scan import take_inventory
from tasks.reporting.previews import draw_previews
from tests.conftest import config_for, in_mode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Tree = Callable[..., Path]


def inputs_for(root: Path, **parts: object) -> Inputs:
    """Take inventory and build the inputs."""
    config = config_for(root, **parts)
    inventory = take_inventory(config.data, seed=config.seed)
    return build_inputs(inventory, config, directory=root.parent / "run")


def as_bytes(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Return a picture as the bytes of a file."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def decode(
    data: bytes, color_mode: str, size: tuple[int, int] = (4, 6), resize: str = "stretch"
) -> np.ndarray:
    """Decode with a generous limit."""
    return decode_picture(data, size=size, color_mode=color_mode, resize=resize, max_pixels=10**6)


@pytest.mark.parametrize(
    ("picture", "color_mode", "value"),
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
    picture: Image.Image, color_mode: str, value: list[int]
) -> None:
    """Gray, colour, transparent, 16-bit and 1-bit pictures come out as documented."""
    decoded = decode(as_bytes(picture), color_mode)
    assert decoded.shape == (4, 6, len(value))
    assert decoded.dtype == np.uint8
    assert (decoded == value).all()


def test_a_palette_with_transparency_lies_on_white() -> None:
    """The transparent colour of a palette is white, not what the palette says."""
    picture = Image.new("P", (6, 4), 0)
    picture.putpalette([255, 0, 0, 0, 255, 0])
    assert (decode(as_bytes(picture, transparency=0), "rgb") == 255).all()


def test_exif_orientation_is_applied() -> None:
    """A picture stored on its side is turned upright before it is stretched."""
    pixels = np.zeros((4, 6), np.uint8)
    pixels[:, :3] = 200
    exif = Image.Exif()
    exif[0x0112] = 6
    data = as_bytes(Image.fromarray(pixels), exif=exif)
    upright = decode(data, "grayscale", size=(6, 4))[..., 0]
    assert upright[:3].min() == 200
    assert upright[3:].max() == 0


def test_pictures_are_stretched_with_anti_aliasing() -> None:
    """A fine checkerboard becomes gray, not stripes."""
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype("uint8")
    small = decode(as_bytes(Image.fromarray(board)), "grayscale", size=(8, 8))
    assert np.abs(small.astype(int) - 127).max() <= 4


def squares() -> Image.Image:
    """Return a wide picture: a black, a gray and a white square of 8 pixels side by side."""
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
def test_a_wide_picture_becomes_a_square(resize: str, columns: list[int]) -> None:
    """Stretched, the squares stay; cut, only the middle one does."""
    decoded = decode(as_bytes(squares()), "grayscale", size=(6, 6), resize=resize)
    # Bilinear interpolation mixes a little across the edges.
    assert np.abs(decoded[..., 0].astype(int) - columns).max() < 25


def test_padding_keeps_the_whole_picture_within_black_borders() -> None:
    """A third of the height is the picture, in the middle; the rest is black."""
    decoded = decode(as_bytes(squares()), "grayscale", size=(6, 6), resize="pad")[..., 0]
    assert (decoded[[0, 1, 4, 5]] == 0).all()
    assert np.abs(decoded[2:4].astype(int) - [10, 10, 100, 100, 240, 240]).max() < 25
    clear = decode(as_bytes(squares().convert("RGBA")), "rgba", size=(6, 6), resize="pad")
    assert (clear[0] == 0).all()
    assert (clear[2, ..., 3] == 255).all()


def test_a_centre_that_is_cut_is_not_scaled() -> None:
    """Of a large picture the middle pixels, of a small one all it has, scaled up."""
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

    from tasks.evaluation import evaluate_model
    from tasks.prediction import predict_files
    from tasks.registry.registration import register_model
    from tasks.training.stage import train_model

    root = tmp_path / "mixed"
    modes = ("L", "RGB", "RGBA", "P", "CMYK", "I;16", "LA", "1")
    random = np.random.default_rng(0)
    for number in range(64):
        label, mode = "ab"[number % 2], modes[number // 2 % len(modes)]
        height, width = random.integers(12, 60, 2)
        pixels = random.integers(0, 90, (height, width), np.uint8)
        pixels[:, : width // 2] += 160 if label == "a" else 0
        pixels[:, width // 2 :] += 160 if label == "b" else 0
        picture = in_mode(pixels, mode)
        exif = Image.Exif()
        exif[0x0112] = 2 if number % 5 == 0 else 1
        options = {"exif": exif} if mode in ("RGB", "CMYK") else {}
        suffix = ".jpg" if options else ".png"
        (root / label).mkdir(parents=True, exist_ok=True)
        picture.save(root / label / f"{number}{suffix}", **options)
    generators = {"target_size": 20, "color_mode": "rgb", "resize": "pad"}
    config = config_for(root, generators=generators, training={"epochs": 1})
    inventory = take_inventory(config.data, seed=42)
    inputs = build_inputs(inventory, config, directory=tmp_path / "run")
    assert inputs.contract.resize == "pad"
    trained = train_model(
        inputs, config, workspace=tmp_path / "w", directory=tmp_path / "model",
        on_epoch=lambda *_: None,
    )  # fmt: skip
    evaluation = evaluate_model(
        trained.path, inputs.contract, inventory, config, predictions=tmp_path / "p.parquet"
    )
    lenient = config.model_copy(
        update={"registry": config.registry.model_copy(update={"min_accuracy": 0.0})}
    )
    register_model(
        trained.path, inputs, evaluation, None, lenient, tags={}, artifacts=tmp_path / "none"
    )
    import mlflow

    from tasks.registry.store import open_store

    with open_store(config):
        mlflow.MlflowClient().set_registered_model_alias(config.name, "champion", "1")
    judged = pd.read_parquet(tmp_path / "p.parquet")
    predicted = predict_files([root / path for path in judged["path"]], config)
    assert predicted["error"].isna().all()
    assert predicted["predicted"].tolist() == judged["predicted"].tolist()
    np.testing.assert_allclose(predicted["probability"], judged["probability"], atol=1e-6)
    index = pd.read_parquet(inputs.index)
    for row, path in enumerate(index["path"]):
        alone = decode_picture(
            (root / path).read_bytes(), size=(20, 20), color_mode="rgb", resize="pad",
            max_pixels=10**6,
        )  # fmt: skip
        assert np.array_equal(pixels_of(inputs.pixels, np.array([row]))[0], alone)


def test_pictures_of_another_resize_are_decoded_anew(image_tree: Tree) -> None:
    """The cache is named by all that its pictures follow from."""
    root = image_tree(size=(12, 20))
    sides = {"target_size": 10}
    kept = {
        inputs_for(root, generators={**sides, "resize": resize}).pixels
        for resize in ("stretch", "pad", "crop", "center_crop")
    }
    assert len(kept) == 4


@pytest.mark.parametrize(("pictures", "batch"), [(40, 16), (300, 24), (3000, 128)])
def test_small_sets_are_trained_in_smaller_batches(pictures: int, batch: int) -> None:
    """About ten steps an epoch, 16 to 128 pictures; what is set wins."""
    contract = InputContract(("a", "b"), 8, 8, "rgb", "categorical")
    counts = {"train": int(pictures * 0.8)}
    parts = {"pixels": None, "index": None, "contract": contract, "counts": counts}
    assert Inputs(settings=RetrainConfig().generators, **parts).batch_size == batch
    asked = RetrainConfig.model_validate({"generators": {"batch_size": 7}}).generators
    assert Inputs(settings=asked, **parts).batch_size == 7


def test_the_contract_follows_the_data(image_tree: Tree) -> None:
    """Size, mode and classes are those most pictures have."""
    root = image_tree({"b": 30, "a": 30}, size=(10, 12), mode="RGB")
    contract = inputs_for(root).contract
    assert contract == InputContract(("a", "b"), 10, 12, "rgb", "categorical")
    assert InputContract.from_dict(contract.as_dict()) == contract


def test_settings_win_over_the_data(image_tree: Tree) -> None:
    """target_size and color_mode are taken as set."""
    inputs = inputs_for(
        image_tree(),
        generators={"target_size": [20, 24], "color_mode": "rgb", "class_mode": "sparse"},
    )
    assert inputs.contract.shape == (20, 24, 3)
    pictures, targets = next(iter(training_batches(inputs, seed=1)))
    assert pictures.shape[1:] == (20, 24, 3)
    assert targets.dtype == "int32"


@pytest.mark.parametrize(
    ("classes", "parts", "error", "message"),
    [
        ({"only": 30}, {}, DataFolderError, "two classes"),
        (
            {"a": 9, "b": 9, "c": 9},
            {"generators": {"class_mode": "binary"}},
            SettingsError,
            "binary",
        ),
        ({"a": 9, "b": 9}, {"data": {"test_fraction": 0.0}}, DataFolderError, "test split"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    image_tree: Tree,
    classes: dict[str, int],
    parts: dict[str, dict[str, object]],
    error: type[Exception],
    message: str,
) -> None:
    """Too few classes, the wrong class mode and an empty split are told before training."""
    root = image_tree(classes)
    if "data" in parts:
        parts = {"data": {**parts["data"], "directory": root}}
    with pytest.raises(error, match=message):
        inputs_for(root, **parts)


def test_an_epoch_shows_every_training_picture_once(image_tree: Tree) -> None:
    """Shuffled, in batches, none twice and none left out; another order in the next epoch."""
    still = {"rotation_range": 0, "width_shift_range": 0, "height_shift_range": 0, "zoom_range": 0}
    inputs = inputs_for(image_tree(), generators={"batch_size": 10, **still})
    steps = steps_per_epoch(inputs)
    batches = list(training_batches(inputs, seed=3).take(2 * steps).as_numpy_iterator())
    epochs = [
        [picture.tobytes() for pictures, _ in part for picture in pictures]
        for part in (batches[:steps], batches[steps:])
    ]
    assert len(epochs[0]) == inputs.counts["train"] == len(set(epochs[0]))
    assert set(epochs[0]) == set(epochs[1])
    assert epochs[0] != epochs[1]


def test_a_pipeline_opened_later_goes_on_as_if_it_had_not_stopped(image_tree: Tree) -> None:
    """Order and augmentation follow from seed and step alone."""
    inputs = inputs_for(image_tree(), generators={"batch_size": 16})
    whole = list(training_batches(inputs, seed=3).take(12).as_numpy_iterator())
    later = list(training_batches(inputs, seed=3, first_step=7).take(5).as_numpy_iterator())
    for (pictures, targets), (again, same) in zip(whole[7:], later, strict=True):
        assert np.array_equal(pictures, again)
        assert np.array_equal(targets, same)


def test_evaluation_is_never_augmented(image_tree: Tree) -> None:
    """Validation and test pictures come as they are, in order, with their targets."""
    root = image_tree()
    inputs = inputs_for(root, generators={"rotation_range": 90})
    pictures, targets = next(evaluation_batches(inputs, "test").as_numpy_iterator())
    import pandas as pd

    index = pd.read_parquet(inputs.index)
    rows = np.flatnonzero(index["split"] == "test")
    assert np.array_equal(pictures, pixels_of(inputs.pixels, rows))
    assert targets.argmax(axis=1).tolist() == index["target"][rows].tolist()


def test_previews_are_pictures(image_tree: Tree, tmp_path: Path) -> None:
    """Four PNG files show samples, augmentation, sizes and classes."""
    root = image_tree()
    config = config_for(root)
    inventory = take_inventory(config.data, seed=42)
    inputs = build_inputs(inventory, config, directory=tmp_path / "run")
    files = draw_previews(inputs, inventory, seed=1, folder=tmp_path / "previews")
    assert [file.name for file in files] == [
        "samples.png",
        "augmented.png",
        "sizes.png",
        "classes.png",
    ]
    for file in files:
        assert np.asarray(Image.open(file)).std() > 5
