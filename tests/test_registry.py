"""The model gate and the registry: who becomes champion, and what is kept of it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import keras
import mlflow
import numpy as np
import pandas as pd
import pytest

from tasks.config.schema import RetrainConfig
from tasks.errors import ModelRejectedError, NoChampionError
from tasks.evaluation.evaluate import Evaluation, evaluate_model
from tasks.generators.inputs import Inputs, build_inputs
from tasks.inventory.scan import take_inventory
from tasks.model_gate.rules import predict_in_fresh_process, require_not_rejected
from tasks.models.architectures import build_model
from tasks.registry.champion import find_champion, require_champion
from tasks.registry.mlflow_store import champion_classes, find_judged_run
from tasks.registry.registration import Registration, register_model
from tasks.serving.predictor import predict_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Tree = Callable[..., Path]


@dataclasses.dataclass
class Bench:
    """A data set, a model, and what is needed to register it."""

    root: Path
    config: RetrainConfig
    inventory: pd.DataFrame
    inputs: Inputs
    model: Path
    evaluation: Evaluation

    def with_accuracy(self, accuracy: float) -> Evaluation:
        """The evaluation as if the model had this accuracy."""
        return dataclasses.replace(
            self.evaluation, accuracy=accuracy, accuracy_low=accuracy - 0.01, majority_share=0.4
        )

    def register(
        self, accuracy: float, champion: float | None = None, **registry: Any
    ) -> Registration:
        """Register the model as if it, and the champion, had these accuracies."""
        config = self.config.model_copy(
            update={"registry": self.config.registry.model_copy(update=registry)}
        )
        return register_model(
            self.model,
            self.inputs,
            self.with_accuracy(accuracy),
            None if champion is None else self.with_accuracy(champion),
            config,
            tags={"pixelgate.recipe": f"recipe-{accuracy}", "pixelgate.data_fingerprint": "f00d"},
            artifacts=self.root.parent / "evaluation",
        )


@pytest.fixture
def bench(image_tree: Tree) -> Bench:
    """Prepare an untrained but real model on a small tree."""
    root = image_tree({"a": 40, "b": 40})
    config = RetrainConfig.model_validate(
        {"name": "bench", "home": root.parent / "home", "data": {"directory": root}}
    )
    inventory = take_inventory(config.data, seed=1)
    inputs = build_inputs(inventory, config, directory=root.parent / "run")
    model = build_model(inputs.contract, config.training, rescale=1 / 255)
    file = root.parent / "model.keras"
    model.save(file)
    evaluation = evaluate_model(
        file, inputs.contract, inventory, config, predictions=root.parent / "evaluation/p.parquet"
    )
    return Bench(root, config, inventory, inputs, file, evaluation)


def test_the_first_good_model_becomes_champion(bench: Bench) -> None:
    """It has both aliases, its signature, its tags, and its metrics and artifacts."""
    registration = bench.register(0.9)
    assert registration.outcome == "promoted"
    assert all(check.success for check in registration.checks)
    client = mlflow.MlflowClient(f"sqlite:///{bench.config.paths.state}/mlflow.db")
    version = client.get_model_version_by_alias("bench", "champion")
    assert client.get_model_version_by_alias("bench", "challenger").version == version.version
    assert version.tags["pixelgate.data_fingerprint"] == "f00d"
    run = client.get_run(registration.mlflow_run)
    assert run.data.metrics["accuracy"] == 0.9
    assert run.data.params["training.model"] == "fast_cnn"
    assert "evaluation" not in {file.path for file in client.list_artifacts(run.info.run_id)}
    assert "p.json" in {file.path for file in client.list_artifacts(run.info.run_id)}
    champion = require_champion(bench.config)
    assert champion.contract == bench.inputs.contract


def test_the_champions_classes_are_told_without_loading_it(bench: Bench) -> None:
    """None before there is one, and asking makes no store."""
    assert champion_classes(bench.config) is None
    assert not (bench.config.paths.state / "mlflow.db").exists()
    bench.register(0.9)
    assert champion_classes(bench.config) == ("a", "b")


def test_a_better_model_takes_over_and_a_worse_one_does_not(bench: Bench) -> None:
    """The alias moves only to a model that is no worse."""
    bench.register(0.9)
    worse = bench.register(0.89, champion=0.9)
    assert worse.outcome == "kept_champion"
    assert "no_worse_than_champion" in worse.message
    assert require_champion(bench.config).version == "1"
    assert require_not_rejected(worse.outcome, worse.message) is None
    assert bench.register(0.89, champion=0.9, max_accuracy_drop=0.02).outcome == "promoted"
    assert bench.register(0.9, champion=0.9).outcome == "promoted"
    assert require_champion(bench.config).version == "4"


@pytest.mark.parametrize(("accuracy", "rule"), [(0.45, "floor"), (0.405, "better_than_guessing")])
def test_a_model_below_the_floor_is_rejected(bench: Bench, accuracy: float, rule: str) -> None:
    """It is kept as challenger, with the reason, and never becomes champion."""
    registration = bench.register(accuracy)
    assert registration.outcome == "model_rejected"
    assert rule in {check.rule for check in registration.checks if not check.success}
    assert find_champion(bench.config) is None
    with pytest.raises(ModelRejectedError, match=rule):
        require_not_rejected(registration.outcome, registration.message)
    client = mlflow.MlflowClient(f"sqlite:///{bench.config.paths.state}/mlflow.db")
    version = client.get_model_version_by_alias("bench", "challenger")
    assert version.tags[f"pixelgate.check.{rule}"].startswith("FAIL")


def test_the_saved_model_answers_alike_in_a_fresh_process(bench: Bench) -> None:
    """With nothing but Keras, on the file that the registry holds."""
    bench.register(0.9)
    client = mlflow.MlflowClient(f"sqlite:///{bench.config.paths.state}/mlflow.db")
    source = mlflow.artifacts.download_artifacts(
        artifact_uri=client.get_model_version_download_uri("bench", "1"),
        tracking_uri=f"sqlite:///{bench.config.paths.state}/mlflow.db",
    )
    import pathlib

    images = np.load(bench.inputs.pixels)[:16]
    answers = predict_in_fresh_process(next(pathlib.Path(source).rglob("*.keras")), images)
    expected = keras.saving.load_model(bench.model).predict(images, verbose=0)
    np.testing.assert_allclose(answers, expected, atol=1e-6)


@keras.saving.register_keras_serializable(package="ours")
class OurLayer(keras.layers.Layer):
    """Be a layer that only exists here."""

    def call(self, inputs: Any) -> Any:
        """Pass on."""
        return inputs


def test_a_model_that_needs_our_code_is_rejected(bench: Bench) -> None:
    """A saved file that a fresh process can't load never reaches production."""
    inputs = keras.Input(bench.inputs.contract.shape, dtype="uint8")
    flat = keras.layers.Flatten()(OurLayer()(keras.layers.Rescaling(1 / 255)(inputs)))
    keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(flat)).save(bench.model)
    registration = bench.register(0.9)
    assert registration.outcome == "model_rejected"
    failed = [check for check in registration.checks if not check.success]
    assert [check.rule for check in failed] == ["saved_file_answers_the_same"]
    assert "OurLayer" in failed[0].observed


def test_a_settled_recipe_is_found_again(bench: Bench) -> None:
    """Only a run that was judged to its end, and only while something is in production."""
    assert find_judged_run("recipe-0.9", bench.config) is None
    bench.register(0.45)
    assert find_judged_run("recipe-0.45", bench.config) is None
    bench.register(0.9)
    settled = find_judged_run("recipe-0.9", bench.config)
    assert settled is not None
    assert settled["model_version"] == "2"
    assert settled["metrics"]["accuracy"] == 0.9
    assert find_judged_run("recipe-0.8", bench.config) is None


def test_prediction_needs_a_champion(bench: Bench) -> None:
    """The error names the model and the way to get one."""
    with pytest.raises(NoChampionError, match="bench"):
        predict_files([bench.root], bench.config)


def test_prediction_names_every_image_or_says_why_not(bench: Bench) -> None:
    """Files and folders; what can't be read keeps its row."""
    bench.register(0.9)
    (bench.root / "a/bad.png").write_bytes(b"no image")
    table = predict_files([bench.root / "a", bench.root / "b/000.png"], bench.config)
    assert len(table) == 42
    bad = table[table["error"].notna()]
    assert bad["path"].tolist() == [str(bench.root / "a/bad.png")]
    assert bad["predicted"].isna().all()
    assert set(table["predicted"].dropna()) <= {"a", "b"}
    test = bench.inventory[bench.inventory["split"] == "test"]
    kept = pd.read_parquet(bench.evaluation.predictions).set_index("path")["predicted"]
    named = predict_files([bench.root / path for path in test["path"]], bench.config)
    assert named["predicted"].tolist() == kept[test["path"]].tolist()
