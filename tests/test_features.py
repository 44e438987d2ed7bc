"""Features of a frozen network: kept by content, and the last layer that is fitted on them."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from tasks.config.training import TrainingConfig
from tasks.embedding.feature_shards import KEPT, SHARD, FeatureShards, prune_features
from tasks.embedding.lite_structure import BLOCKS, block_of
from tasks.models.architectures import build_model
from tasks.models.pretrained import load_pretrained
from tasks.runtime.pretrained_weights import PRETRAINED
from tasks.training.hardware import choose_hardware
from tasks.training.linear_head import Examples, fit_head
from tasks.training.phases import (
    FIRST_TUNED_BLOCK,
    default_epochs,
    plan_epochs,
    plan_phases,
    prepare_phase,
)
from tasks.training.train import train_model
from tests.image_trees import write_tree
from tests.trainings import Trainer, TrainingData, history_of, quietly

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.training.request import TrainingRequest
    from tasks.training.result import TrainedModel

COLOUR = {"target_size": [32, 32], "color_mode": "rgb"}
WIDTH = 4


def digests_of(numbers: np.ndarray) -> np.ndarray:
    """Return a made-up hash for each number: (images, 32) uint8."""
    return np.repeat(numbers.astype("<u4").view("u1").reshape(-1, 4), 8, axis=1)


class Counted:
    """Computes features that are the image's number, and notes which ones were asked for."""

    def __init__(self, numbers: np.ndarray) -> None:
        self.numbers, self.asked = numbers, 0

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return (rows, WIDTH) float32."""
        self.asked += len(rows)
        return np.repeat(self.numbers[rows].astype("float32")[:, None], WIDTH, axis=1)


def complete(folder: Path | None, numbers: np.ndarray, *, time: bool = True) -> tuple[int, Any]:
    """Complete the features of some images; return how many were computed, and what is known."""
    compute = Counted(numbers)
    shards = FeatureShards(folder, WIDTH)
    features, known = shards.complete(digests_of(numbers), compute, has_time=lambda: time)
    np.testing.assert_array_equal(features[known, 0], numbers[known].astype("float16"))
    return compute.asked, known


def test_only_new_images_are_computed(tmp_path: Path) -> None:
    """In any order, after any number of runs; the result is that of a first run."""
    assert complete(tmp_path / "f", np.arange(100))[0] == 100
    assert complete(tmp_path / "f", np.arange(100)[::-1].copy())[0] == 0
    assert complete(tmp_path / "f", np.arange(50, 130))[0] == 30
    assert complete(tmp_path / "f", np.arange(130))[0] == 0
    assert complete(None, np.arange(10))[0] == 10


def test_a_damaged_shard_is_computed_again(tmp_path: Path) -> None:
    """It is set aside with a warning, and nothing of it is used."""
    complete(tmp_path / "f", np.arange(10))
    (file,) = (tmp_path / "f").rglob("features.npy")
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert complete(tmp_path / "f", np.arange(10))[0] == 10
    assert complete(tmp_path / "f", np.arange(10))[0] == 0


def test_what_there_is_no_time_for_is_left_out(tmp_path: Path) -> None:
    """One shard at least is computed, and the next run goes on after it."""
    numbers = np.arange(SHARD + 7)
    asked, known = complete(tmp_path / "f", numbers, time=False)
    assert asked == known.sum() == SHARD
    asked, known = complete(tmp_path / "f", numbers)
    assert asked == 7
    assert known.all()


def test_features_that_are_not_used_lately_are_removed(tmp_path: Path) -> None:
    """Those of this run are used last."""
    for number in range(KEPT + 2):
        (tmp_path / f"{number:032x}").mkdir()
    used = [tmp_path / f"{0:032x}", tmp_path / "never-written"]
    prune_features(tmp_path, used)
    assert used[0].is_dir()
    assert len(list(tmp_path.iterdir())) <= KEPT + 1


def clouds(count: int, seed: int) -> Examples:
    """Return points around three centres, in features of very different spreads."""
    random = np.random.default_rng(seed)
    targets = random.integers(0, 3, count)
    centres = np.random.default_rng(0).normal(size=(3, 6))
    features = (centres[targets] + random.normal(size=(count, 6))) * 10.0 ** np.arange(-2, 4) + 3
    features[:, 2] = 1.0
    return Examples(features.astype("float32"), targets, np.ones(count, "float32"))


def test_the_head_is_a_logistic_regression(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that scikit-learn finds on standardised features, with weights too."""
    train, validation = clouds(300, 1), clouds(100, 2)
    heavy = dataclasses.replace(train, weights=np.where(train.targets == 1, 5, 1).astype("float32"))
    monkeypatch.setattr("tasks.training.linear_head.PENALTIES", (0.01,))
    monkeypatch.setattr("tasks.training.linear_head.ITERATIONS", 1_000)
    spread = train.features.std(axis=0)
    scaled = (train.features - train.features.mean(axis=0)) / np.where(spread > 1e-6, spread, 1)
    for examples in (train, heavy):
        head = fit_head([examples], validation, classes=3, smoothing=0.0)
        penalty = 1 / (0.01 * examples.weights.sum())
        peer = LogisticRegression(C=penalty, max_iter=1_000, tol=1e-8)
        peer.fit(scaled, train.targets, sample_weight=examples.weights)
        logits = train.features @ head.kernel + head.bias
        chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(chances, peer.predict_proba(scaled), atol=0.01)


def test_validation_decides_on_the_penalty() -> None:
    """Few examples of noise: the strongest penalty; smoothing keeps answers from certainty."""
    train, validation = clouds(300, 1), clouds(100, 2)
    head = fit_head([train], validation, classes=3, smoothing=0.0)
    loss, accuracy = head.metrics(validation)
    assert accuracy > 0.7
    noise = dataclasses.replace(train, targets=np.random.default_rng(3).integers(0, 3, 300))
    chance, _ = fit_head([noise], validation, classes=3, smoothing=0.0).metrics(validation)
    assert loss < chance < 1.5
    smooth = fit_head([train], validation, classes=3, smoothing=0.5)
    assert np.abs(smooth.kernel).sum() < np.abs(head.kernel).sum()


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the network is converted once."""
    folder = tmp_path_factory.mktemp("converted")
    load_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    """Write three classes of 40 colour images, which no test may change."""
    folder = tmp_path_factory.mktemp("colours")
    classes = {"a": 40, "b": 40, "c": 40}
    root = write_tree(folder / "data", classes, size=(40, 32), mode="RGB")
    return TrainingData(root, folder)


@dataclasses.dataclass(frozen=True)
class Lite:
    """Trainings of the pretrained network on small images."""

    trainer: Trainer
    converted: Path

    def request(
        self, name: str, generators: dict[str, Any] | None = None, **training: Any
    ) -> TrainingRequest:
        """Return a request whose converted network is there already."""
        settings = {"model": PRETRAINED, "epochs": 1, **training}
        request = self.trainer.request(
            name, generators={**COLOUR, **(generators or {})}, training=settings
        )
        return dataclasses.replace(request, pretrained_cache=self.converted)


@pytest.fixture
def lite(colours: TrainingData, converted: Path, tmp_path: Path) -> Lite:
    """Return a trainer of the pretrained network."""
    return Lite(Trainer(colours, tmp_path / "lite"), converted)


def weights_of(trained: TrainedModel) -> list[np.ndarray]:
    """Return the weights of the saved model."""
    return list(keras.saving.load_model(trained.path).get_weights())


def test_a_head_is_fitted_on_the_frozen_network(
    lite: Lite, caplog: pytest.LogCaptureFixture
) -> None:
    """One file that takes uint8 images; a second training computes no feature, and is the same."""
    caplog.set_level(logging.INFO, "pixelgate")
    options: dict[str, Any] = {
        "generators": {"horizontal_flip": True},
        "class_weight": {"a": 2.0},
    }
    request = lite.request("first", **options)
    trained = train_model(request, on_epoch=quietly)
    (epoch,) = history_of(trained).to_dict("records")
    assert epoch["val_accuracy"] > 0.8
    model = keras.saving.load_model(trained.path)
    assert model.input.dtype == "uint8"
    index = pd.read_parquet(request.inputs.index)
    rows = np.flatnonzero(index["split"] == "validation")
    answers = model.predict(np.load(request.inputs.pixels)[rows], verbose=0)
    right = answers.argmax(axis=1) == index["target"].to_numpy()[rows]
    assert right.mean() == pytest.approx(epoch["val_accuracy"])
    assert "computing the features of" in caplog.text
    caplog.clear()
    again = train_model(lite.request("again", **options), on_epoch=quietly)
    assert "computing the features of" not in caplog.text
    for mine, theirs in zip(weights_of(again), weights_of(trained), strict=True):
        np.testing.assert_array_equal(mine, theirs)


class Killed(Exception):  # noqa: N818 - it stands for the end of the process
    """Ends a training in its middle."""


def kill(*_: object) -> None:
    """End a training after its first epoch."""
    raise Killed


# Mirrored copies, and two epochs: the last layer, and the last blocks.
FINE_TUNED: dict[str, Any] = {
    "generators": {"horizontal_flip": True},
    "epochs": 2,
    "class_weight": {"a": 2.0},
}


def test_fine_tuning_changes_the_last_blocks(lite: Lite) -> None:
    """The first blocks, and all statistics of batch normalisation, stay those of ImageNet."""
    request = lite.request("tuned", **FINE_TUNED)
    model = build_model(request.inputs.contract, request.settings, rescale=None)
    head, tuned = plan_phases(request.settings, epochs=2, steps_per_epoch=3)
    hardware = choose_hardware(request.settings)
    prepare_phase(model, head, request.inputs.contract, request.settings, hardware)
    assert len(model.trainable_variables) == 2
    prepare_phase(model, tuned, request.inputs.contract, request.settings, hardware)
    network = model.get_layer(PRETRAINED)
    learning = [layer for layer in network.layers if layer.trainable_variables]
    assert {block_of(layer.name) for layer in learning} == set(range(FIRST_TUNED_BLOCK, BLOCKS + 1))
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in learning)


def test_a_limit_of_minutes_allows_fine_tuning() -> None:
    """Without one, the last layer is all that is fitted; what is set is kept."""
    settings = TrainingConfig(model=PRETRAINED)
    assert plan_epochs(settings, 100) == 1
    limited = settings.model_copy(update={"max_minutes": 15.0})
    assert plan_epochs(limited, 100) == 11
    assert plan_epochs(limited.model_copy(update={"epochs": 3}), 100) == 3
    assert plan_epochs(TrainingConfig(model="fast_cnn"), 100) == default_epochs(100) == 40


@pytest.mark.real
def test_a_resumed_fine_tuning_ends_like_a_whole_one(lite: Lite) -> None:
    """The same history and the same weights."""
    whole = train_model(lite.request("whole", **FINE_TUNED), on_epoch=quietly)
    with pytest.raises(Killed):
        train_model(lite.request("killed", **FINE_TUNED), on_epoch=kill)
    resumed = train_model(lite.request("killed", **FINE_TUNED), on_epoch=quietly)
    pd.testing.assert_frame_equal(history_of(resumed), history_of(whole))
    for mine, theirs in zip(weights_of(resumed), weights_of(whole), strict=True):
        np.testing.assert_array_equal(mine, theirs)
