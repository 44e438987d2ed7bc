"""training.model = auto: which model suits which images, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tasks.config.schema import RetrainConfig
from tasks.config.training import TrainingConfig
from tasks.errors import SettingsError
from tasks.generators.inputs import build_inputs
from tasks.inventory import model_choice
from tasks.inventory.input_choice import choose_input, with_chosen_model
from tasks.inventory.model_choice import choose_model
from tasks.inventory.scan import take_inventory
from tasks.runs.fingerprint import recipe_key
from tasks.runtime.pretrained_weights import PRETRAINED

if TYPE_CHECKING:
    from pathlib import Path

PHOTO = {
    "height": 400,
    "width": 300,
    "mode": "RGB",
    "channels": 3,
    "format": "JPEG",
    "bytes": 30_000,
    "entropy": 7.0,
    "split": "train",
    "label": "a",
    "error": None,
}


def images_like(count: int = 40, **changed: Any) -> pd.DataFrame:
    """Return the rows of photographs, changed as given."""
    return pd.DataFrame({**PHOTO, **changed}, index=range(count))


@pytest.mark.parametrize(
    ("changed", "model", "reason"),
    [
        ({}, PRETRAINED, "40 colour photographs of about 346 pixels"),
        ({"format": "HEIF"}, PRETRAINED, "photographs"),
        ({"format": "PNG", "bytes": 200_000}, PRETRAINED, "photographs"),
        ({"format": "TIFF", "bytes": 360_000}, PRETRAINED, "photographs"),
        ({"height": 28, "width": 28, "mode": "L", "format": "PNG"}, "fast_cnn", "about 28"),
        ({"height": 32, "width": 32, "format": "PNG"}, "fast_cnn", "about 32 pixels"),
        ({"height": 96, "width": 96}, "fast_cnn", "about 96 pixels"),
        ({"height": 159, "width": 159}, "fast_cnn", "about 159 pixels"),
        ({"format": "PNG", "bytes": 9_000}, "fast_cnn", "drawings or scans"),
        ({"format": "PNG", "mode": "P", "bytes": 130_000}, "fast_cnn", "drawings or scans"),
        ({"entropy": 1.2}, "fast_cnn", "drawings or scans"),
    ],
)
def test_photographs_get_the_pretrained_network(
    changed: dict[str, Any], model: str, reason: str
) -> None:
    """Of some size, in colour, and of the formats or the noise that cameras leave."""
    choice = choose_model(images_like(**changed), color_mode="rgb", gpu=False)
    assert choice.model == model
    assert reason in choice.reason


def test_color_mode_size_hardware_and_extras_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set, and what this machine has."""
    photos = images_like()
    assert "grayscale images" in choose_model(photos, color_mode="grayscale").reason
    assert choose_model(photos, color_mode="rgb", target_size=(64, 64)).model == "fast_cnn"
    small = images_like(height=32, width=32)
    assert choose_model(small, color_mode="rgb", gpu=True).model == "small_cnn"
    assert choose_model(small, color_mode="grayscale", gpu=True).model == "fast_cnn"
    assert choose_model(photos[["height", "width"]], color_mode="rgb").model == "fast_cnn"
    monkeypatch.setenv("TF_CONFIG", "{}")
    assert "several workers" in choose_model(photos, color_mode="rgb").reason
    monkeypatch.delenv("TF_CONFIG")
    monkeypatch.setattr(model_choice, "find_checkpoint", lambda: None)
    choice = choose_model(photos, color_mode="rgb")
    assert choice.model == "fast_cnn"
    assert choice.reason.endswith("would suit them better: pip install 'pixelgate[pretrained]'")


def test_the_input_follows_the_model() -> None:
    """The pretrained network is fed cropped squares of 224 pixels; what is set is kept."""
    photos = pd.concat([images_like(), images_like(height=333)], ignore_index=True)
    config = RetrainConfig()
    choice = choose_input(photos, config.generators, gpu=False)
    assert (choice.height, choice.width, choice.resize) == (224, 224, "crop")
    assert choice.model == PRETRAINED
    fast = choose_input(photos, config.generators, model="fast_cnn", gpu=False)
    assert (fast.height, fast.resize, fast.model) == (96, "stretch", "fast_cnn")
    padded = config.generators.model_copy(update={"resize": "pad"})
    assert choose_input(photos, padded, gpu=False).resize == "pad"


def test_a_choice_is_part_of_the_recipe() -> None:
    """The key is that of the model that was chosen; a named model stays."""
    config = RetrainConfig()
    chosen, choice = with_chosen_model(config, images_like())
    named = config.model_copy(update={"training": TrainingConfig(model=PRETRAINED)})
    assert chosen.training.model == choice.model == PRETRAINED
    assert recipe_key("data", chosen) == recipe_key("data", named)
    assert recipe_key("data", chosen) != recipe_key("data", config)
    assert with_chosen_model(named, images_like())[0] is named
    for nothing in ({"split": "test"}, {"error": "torn"}, {"label": None}):
        assert with_chosen_model(config, images_like(**nothing))[1].model == "fast_cnn"
    own = {"weights": "own.weights.h5"}
    config = RetrainConfig.model_validate({"training": own})
    assert "training.weights is set" in with_chosen_model(config, images_like())[1].reason


def test_weights_are_part_of_the_recipe(tmp_path: Path) -> None:
    """By name, or by the content of a file."""
    keys = {
        recipe_key("data", RetrainConfig.model_validate({"training": {"model": "MobileNetV2"} | w}))
        for w in ({}, {"weights": "imagenet"}, {"weights": tmp_path / "missing.h5"})
    }
    assert len(keys) == 3


def test_inputs_say_which_model_they_are_for(tmp_path: Path) -> None:
    """Photographs on disk; the training's settings then name it in place of auto."""
    random = np.random.default_rng(0)
    for number in range(40):
        folder = tmp_path / "data" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (160, 170 + number, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.jpg")
    config = RetrainConfig.model_validate(
        {"home": tmp_path / "home", "data": {"directory": tmp_path / "data"}}
    )
    inputs = build_inputs(take_inventory(config.data, seed=1), config, directory=tmp_path)
    assert inputs.model == PRETRAINED
    assert inputs.contract.resize == "crop"
    assert inputs.with_model(config.training).model == PRETRAINED
    named = TrainingConfig(model="fast_cnn")
    assert inputs.with_model(named) is named


def test_missing_weights_are_named_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings are refused at once, with the command that installs them."""
    from tasks.config import required_files

    monkeypatch.setattr(required_files, "find_checkpoint", lambda: None)
    config = RetrainConfig.model_validate(
        {"data": {"directory": tmp_path}, "training": {"model": PRETRAINED}}
    )
    with pytest.raises(SettingsError, match=r"pixelgate\[pretrained\]"):
        required_files.require_files(config)
