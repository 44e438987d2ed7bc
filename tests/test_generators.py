"""What the model is fed: the cache, the contract, the pipelines and the previews."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tasks.config.schema import RetrainConfig
from tasks.errors import DataFolderError, SettingsError
from tasks.generators import pipelines
from tasks.generators.inputs import Inputs, build_inputs
from tasks.generators.pipelines import (
    evaluation_batches,
    pixels_of,
    steps_per_epoch,
    training_batches,
)
from tasks.inventory.scan import take_inventory
from tasks.models import prediction
from tasks.models.contract import InputContract
from tasks.reporting.beside import previews_drawn_beside
from tests.image_trees import config_for

if TYPE_CHECKING:
    from tests.image_trees import Tree


def inputs_for(root: Path, **parts: object) -> Inputs:
    """Take inventory and build the inputs."""
    config = config_for(root, **parts)
    inventory = take_inventory(config.data, seed=config.seed)
    return build_inputs(inventory, config, directory=root.parent / "run")


def test_images_of_another_resize_are_decoded_anew(image_tree: Tree) -> None:
    """The cache is named by all that its images follow from."""
    root = image_tree(size=(12, 20))
    sides = {"target_size": 10}
    kept = {
        inputs_for(root, generators={**sides, "resize": resize}).pixels
        for resize in ("stretch", "pad", "crop", "center_crop")
    }
    assert len(kept) == 4


@pytest.mark.parametrize(("images", "batch"), [(40, 16), (300, 24), (3000, 128)])
def test_small_sets_are_trained_in_smaller_batches(images: int, batch: int) -> None:
    """About ten steps an epoch, 16 to 128 images; what is set wins."""
    contract = InputContract(("a", "b"), 8, 8, "rgb", "categorical")
    inputs = Inputs(
        pixels=Path("unused.npy"),
        index=Path("unused.parquet"),
        contract=contract,
        settings=RetrainConfig().generators,
        counts={"train": int(images * 0.8)},
    )
    assert inputs.batch_size == batch
    asked = RetrainConfig.model_validate({"generators": {"batch_size": 7}}).generators
    assert dataclasses.replace(inputs, settings=asked).batch_size == 7


def test_the_contract_follows_the_data(image_tree: Tree) -> None:
    """Size, mode and classes are those most images have."""
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
    images, targets = next(iter(training_batches(inputs, seed=1)))
    assert images.shape[1:] == (20, 24, 3)
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


def test_an_epoch_shows_every_training_image_once(image_tree: Tree) -> None:
    """Shuffled, in batches, none twice and none left out; another order in the next epoch."""
    still = {"rotation_range": 0, "width_shift_range": 0, "height_shift_range": 0, "zoom_range": 0}
    inputs = inputs_for(image_tree(), generators={"batch_size": 10, **still})
    steps = steps_per_epoch(inputs)
    batches = list(training_batches(inputs, seed=3).take(2 * steps).as_numpy_iterator())
    epochs = [
        [image.tobytes() for images, _ in part for image in images]
        for part in (batches[:steps], batches[steps:])
    ]
    assert len(epochs[0]) == inputs.counts["train"] == len(set(epochs[0]))
    assert set(epochs[0]) == set(epochs[1])
    assert epochs[0] != epochs[1]


@pytest.mark.parametrize(("size", "group"), [(16, 128), (16, 40), (10, 30), (9, 18), (500, 128)])
@pytest.mark.parametrize("drop_remainder", [False, True])
def test_a_pipeline_opened_later_goes_on_as_if_it_had_not_stopped(
    image_tree: Tree,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
    group: int,
    *,
    drop_remainder: bool,
) -> None:
    """Order and augmentation follow from seed and step alone, however batches are grouped."""
    monkeypatch.setattr(pipelines, "GROUP", group)
    inputs = inputs_for(image_tree(), generators={"batch_size": size})
    steps = steps_per_epoch(inputs, drop_remainder=drop_remainder)
    options: dict[str, Any] = {"seed": 3, "drop_remainder": drop_remainder}
    whole = list(training_batches(inputs, **options).take(2 * steps + 3).as_numpy_iterator())
    for first in sorted({1, steps - 1, steps, steps + 2, 2 * steps - 1, 2 * steps}):
        later = training_batches(inputs, **options, first_step=first).take(2 * steps + 3 - first)
        for (images, targets), (again, same) in zip(
            whole[first:], later.as_numpy_iterator(), strict=True
        ):
            assert np.array_equal(images, again)
            assert np.array_equal(targets, same)


def test_evaluation_is_never_augmented(image_tree: Tree) -> None:
    """Validation and test images come as they are, in order, with their targets."""
    root = image_tree()
    inputs = inputs_for(root, generators={"rotation_range": 90})
    images, targets = next(evaluation_batches(inputs, "test").as_numpy_iterator())
    import pandas as pd

    index = pd.read_parquet(inputs.index)
    rows = np.flatnonzero(index["split"] == "test")
    assert np.array_equal(images, pixels_of(inputs.pixels, rows))
    assert targets.argmax(axis=1).tolist() == index["target"][rows].tolist()


def test_several_workers_share_every_batch_of_an_evaluation(
    image_tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the last one, however few images a worker answers at once."""
    monkeypatch.setattr(prediction, "MOST_IMAGES", 2)
    inputs = inputs_for(image_tree())
    lengths = [
        len(images)
        for images, _ in evaluation_batches(inputs, "test", workers=3).as_numpy_iterator()
    ]
    assert set(lengths[:-1]) == {6}
    assert sum(lengths) == inputs.counts["test"] // 3 * 3


def test_previews_are_images(image_tree: Tree, tmp_path: Path) -> None:
    """Four PNG files show samples, augmentation, sizes and classes, whatever goes on meanwhile."""
    root = image_tree()
    config = config_for(root)
    inventory = take_inventory(config.data, seed=42)
    inputs = build_inputs(inventory, config, directory=tmp_path / "run")
    folder = tmp_path / "previews"
    with previews_drawn_beside(inputs, inventory, 1, folder):
        pass
    names = {file.name for file in folder.iterdir()}
    assert names == {"samples.png", "augmented.png", "sizes.png", "classes.png"}
    for file in folder.iterdir():
        assert np.asarray(Image.open(file)).std() > 5


def test_previews_that_cannot_be_drawn_are_a_warning(
    image_tree: Tree, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """They stop nothing, and hide no error of what goes on meanwhile."""
    config = config_for(image_tree())
    inventory = take_inventory(config.data, seed=42)
    inputs = build_inputs(inventory, config, directory=tmp_path / "run")
    (tmp_path / "file").touch()
    nowhere = tmp_path / "file/previews"
    with previews_drawn_beside(inputs, inventory, 1, nowhere):
        pass
    assert "the previews could not be drawn: NotADirectoryError" in caplog.text
    with pytest.raises(KeyError), previews_drawn_beside(inputs, inventory, 1, nowhere):
        raise KeyError
    assert not [thread for thread in threading.enumerate() if "previews" in thread.name]
