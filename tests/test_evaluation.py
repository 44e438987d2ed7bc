"""Evaluation: the numbers, the interval, and an older model on the same images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, log_loss, roc_auc_score

from tasks.config.schema import RetrainConfig
from tasks.evaluation.calibration import expected_calibration_error, reliability_bins
from tasks.evaluation.evaluate import evaluate_model, worst_mistakes
from tasks.evaluation.metrics import measure_probabilities
from tasks.inventory.scan import take_inventory
from tasks.models.contract import InputContract

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Tree = Callable[..., Path]


def model_of_brightest_column(contract: InputContract) -> keras.Model:
    """Build a model that predicts by the column with the brightest bar; it needs no training."""
    inputs = keras.Input(contract.shape, dtype="uint8")
    columns = keras.layers.Rescaling(1 / 255)(inputs)
    columns = keras.layers.AveragePooling2D((contract.height, contract.width // 4))(columns)
    flat = keras.layers.Flatten()(columns)
    dense = keras.layers.Dense(len(contract.classes), activation="softmax")
    model = keras.Model(inputs, dense(flat))
    weights = np.zeros((4, len(contract.classes)))
    for column in range(len(contract.classes)):
        weights[column, column] = 20
    dense.set_weights([weights, np.zeros(len(contract.classes))])
    return model


@pytest.fixture
def labelled(image_tree: Tree) -> tuple[pd.DataFrame, RetrainConfig, Path]:
    """Give an inventory of three classes, its settings, and where to write."""
    root = image_tree({"a": 60, "b": 60, "c": 60})
    config = RetrainConfig.model_validate(
        {"home": root.parent / "home", "data": {"directory": root}}
    )
    return take_inventory(config.data, seed=42), config, root.parent / "evaluation/p.parquet"


def contract_of(*classes: str, side: int = 16) -> InputContract:
    """Return a contract for gray squares."""
    return InputContract(classes, side, side, "grayscale", "categorical")


def test_the_numbers_are_scikit_learns(
    labelled: tuple[pd.DataFrame, RetrainConfig, Path],
) -> None:
    """Accuracy, F1, support, confusion and interval agree with the stored predictions."""
    inventory, config, file = labelled
    contract = contract_of("a", "b", "c")
    result = evaluate_model(
        model_of_brightest_column(contract), contract, inventory, config, predictions=file
    )
    stored = pd.read_parquet(result.predictions)
    test = inventory[inventory["split"] == "test"]
    assert stored["path"].tolist() == test["path"].tolist()
    assert result.test_images == len(test)
    assert result.accuracy == (stored["label"] == stored["predicted"]).mean()
    assert result.macro_f1 == pytest.approx(
        f1_score(stored["label"], stored["predicted"], average="macro")
    )
    assert result.accuracy_low < result.accuracy <= result.accuracy_high
    assert np.sum(result.confusion) == len(test)
    assert sum(row["support"] for row in result.per_class) == len(test)


def test_an_older_model_predicts_the_same_images(
    labelled: tuple[pd.DataFrame, RetrainConfig, Path],
) -> None:
    """Another input size is decoded for it; a class it never knew counts as its mistake."""
    inventory, config, file = labelled
    contract = contract_of("a", "b", side=32)
    result = evaluate_model(
        model_of_brightest_column(contract), contract, inventory, config, predictions=file
    )
    test = inventory[inventory["split"] == "test"]
    assert result.test_images == len(test)
    recall = {row["label"]: row["recall"] for row in result.per_class}
    assert recall["c"] == 0
    assert recall["a"] > 0.5


def test_probabilities_are_measured_by_hand_and_as_scikit_learn_does() -> None:
    """Brier and top 3 of a few rows by hand; log loss and areas agree with the whole function."""
    rows = np.array([[0.7, 0.1, 0.1, 0.1], [0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]])
    measured = measure_probabilities(["a", "c", "a"], rows, ["a", "b", "c", "d"])
    # Squared distances: 0.09 + 3 * 0.01, then 0.16 + 0.09 + 0.64 + 0.01, then 0.81 + 0.29.
    assert measured["brier"] == pytest.approx((0.12 + 0.9 + 1.1) / 3)
    assert measured["log_loss"] == pytest.approx(-np.log([0.7, 0.2, 0.1]).mean())
    assert measured["top_3"] == pytest.approx(2 / 3)
    assert measured["top_5"] is None

    rng = np.random.default_rng(0)
    many = rng.dirichlet(np.ones(6), size=400).astype("float32")
    truth = [str(label) for label in rng.integers(0, 6, 400)]
    measured = measure_probabilities(truth, many, list("012345"))
    exact = many.astype("float64") / many.astype("float64").sum(axis=1, keepdims=True)
    assert measured["log_loss"] == pytest.approx(log_loss(truth, exact), rel=1e-4)
    assert measured["roc_auc"] == pytest.approx(roc_auc_score(truth, exact, multi_class="ovr"))
    assert 0 < measured["pr_auc"] < 1
    assert measured["top_5"] == np.mean(
        [str(row.argmin()) != label for row, label in zip(many, truth, strict=True)]
    )


def test_what_a_model_cannot_know_or_say_is_measured_as_far_as_it_goes() -> None:
    """An unknown class has probability 0, one class has no areas, a diverged model no measures."""
    known = np.array([[0.9, 0.1], [0.2, 0.8]])
    measured = measure_probabilities(["a", "new"], known, ["a", "b"])
    assert measured["log_loss"] == pytest.approx((-np.log(0.9) + 15.94) / 2, abs=0.01)
    assert measured["brier"] == pytest.approx((0.02 + 0.04 + 0.64 + 1) / 2)
    single = measure_probabilities(["a", "a"], known, ["a", "b"])
    assert single["roc_auc"] is None
    assert single["pr_auc"] is None
    assert measure_probabilities(["a", "b"], np.full((2, 2), np.nan), ["a", "b"]) == {}


def test_a_model_without_finite_answers_is_evaluated_all_the_same(
    labelled: tuple[pd.DataFrame, RetrainConfig, Path],
) -> None:
    """Its accuracy is measured; its probabilities are not."""
    inventory, config, file = labelled
    contract = contract_of("a", "b", "c")
    model = model_of_brightest_column(contract)
    model.layers[-1].set_weights([np.full((4, 3), np.nan), np.zeros(3)])
    result = evaluate_model(model, contract, inventory, config, predictions=file)
    assert result.accuracy < 1
    assert result.log_loss is None
    assert result.calibration_error is None
    assert "log_loss" not in result.metrics


def test_calibration_is_the_distance_of_confidence_and_accuracy() -> None:
    """Two bins by hand, certainty included; answers as often right as they claim have none."""
    confidence, right = np.array([0.5, 0.5, 1.0, 1.0]), np.array([True, False, True, False])
    bins = reliability_bins(confidence, right)
    assert [(each["images"], each["accuracy"]) for each in bins] == [(2, 0.5), (2, 0.5)]
    assert bins[-1]["high"] == 1
    assert expected_calibration_error(bins) == pytest.approx(0.25)
    assert expected_calibration_error(reliability_bins(confidence[:2], right[:2])) == 0


def test_the_worst_mistakes_come_first(
    labelled: tuple[pd.DataFrame, RetrainConfig, Path],
) -> None:
    """Only misclassified images, the most confident first, no more than requested."""
    inventory, config, file = labelled
    contract = contract_of("b", "a", "c")
    result = evaluate_model(
        model_of_brightest_column(contract), contract, inventory, config, predictions=file
    )
    mistakes = worst_mistakes(result, most=5)
    assert len(mistakes) == 5
    assert (mistakes["label"] != mistakes["predicted"]).all()
    assert mistakes["probability"].is_monotonic_decreasing


@pytest.mark.parametrize("class_mode", ["binary", "sparse"])
def test_a_binary_output_is_read_as_two_classes(image_tree: Tree, class_mode: str) -> None:
    """A sigmoid below one half predicts the first class."""
    root = image_tree({"a": 60, "b": 60})
    config = RetrainConfig.model_validate(
        {"home": root.parent / "home", "data": {"directory": root}}
    )
    contract = InputContract(("a", "b"), 16, 16, "grayscale", class_mode)
    inputs = keras.Input(contract.shape, dtype="uint8")
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    units: dict[str, Any] = {"binary": (1, "sigmoid"), "sparse": (2, "softmax")}
    answer = keras.layers.Dense(units[class_mode][0], activation=units[class_mode][1])
    model = keras.Model(inputs, answer(flat))
    columns = np.tile(np.arange(16), 16)
    weights = np.where((columns >= 5) & (columns < 7), 1.0, 0.0) - np.where(columns < 2, 1.0, 0.0)
    stacked = weights[:, None] if class_mode == "binary" else np.stack([-weights, weights], axis=1)
    answer.set_weights([stacked, np.zeros(stacked.shape[1])])
    inventory = take_inventory(config.data, seed=42)
    result = evaluate_model(
        model, contract, inventory, config, predictions=root.parent / "p.parquet"
    )
    assert result.accuracy > 0.95
