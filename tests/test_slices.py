"""Slices of the test images: where a model fails, by one property or two, and since when."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from tasks.config.schema import RetrainConfig
from tasks.errors import SettingsError
from tasks.evaluation.evaluation_record import Evaluation
from tasks.evaluation.metrics import measure_answers
from tasks.evaluation.slices import measure_slices, slice_columns, worst_conjunctions
from tasks.inventory.properties import properties_of
from tasks.inventory.scan import take_inventory
from tasks.model_gate.class_rules import check_classes
from tasks.model_gate.rules import decide, judge_model
from tasks.model_gate.slice_rules import check_slices
from tasks.model_gate.versus import compare_evaluations
from tasks.outcome import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.model_gate.rules import Decision
    from tests.image_trees import Tree
    from tests.model_bench import Bench

IMAGES = 1_200


def images() -> pd.DataFrame:
    """Return rows of an inventory: two classes, three cameras' folders, any brightness."""
    random = np.random.default_rng(0)
    number = np.arange(IMAGES)
    return pd.DataFrame(
        {
            "path": [f"camera{n % 3}/{n}.png" for n in number],
            "sha256": [str(n) for n in number],
            "label": np.where(number % 2, "dog", "cat"),
            "height": random.integers(100, 400, IMAGES),
            "width": 200,
            "brightness": random.uniform(0, 255, IMAGES),
            "contrast": 50.0,
            "sharpness": random.uniform(0, 900, IMAGES),
            "format": np.where(number % 5, "JPEG", "PNG"),
            "mode": "RGB",
        }
    )


def evaluation_of(folder: Path, name: str, wrong: np.ndarray, table: pd.DataFrame) -> Evaluation:
    """Return the evaluation of a model that takes some images for the other class."""
    other = table["label"].map({"cat": "dog", "dog": "cat"})
    answers = table[["path", "sha256", "label"]].assign(
        predicted=table["label"].mask(wrong, other), probability=0.9
    )
    answers = pd.concat([answers, slice_columns(table)], axis="columns")
    right = answers["label"] == answers["predicted"]
    file = folder / f"{name}.parquet"
    answers.to_parquet(file)
    return Evaluation(
        **measure_answers(answers, 0.95),
        slices=measure_slices(answers, right, 0.95),
        worst_slices=worst_conjunctions(answers, right),
        predictions=file,
    )


def decision_on(challenger: Evaluation, champion: Evaluation | None, **settings: Any) -> Decision:
    """Decide by all rules but that of the saved file."""
    config = RetrainConfig.model_validate({"promotion": settings})
    comparison = compare_evaluations(challenger, champion, config.promotion) if champion else None
    checks = (
        *judge_model(challenger, comparison, config),
        *check_classes(challenger, champion, config),
        *check_slices(challenger, champion, config.promotion),
    )
    return decide("2", challenger, checks, comparison)


def broken(decision: Decision) -> list[str]:
    """Return the rules that a version broke."""
    return [check.rule for check in decision.checks if not check.success]


def darkest(table: pd.DataFrame) -> np.ndarray:
    """Return which images are in the darkest quarter."""
    dark: np.ndarray = (table["brightness"] <= table["brightness"].quantile(0.25)).to_numpy()
    return dark


def test_images_are_sliced_by_what_they_have_in_common() -> None:
    """Quarters with their bounds, folders and formats; what all share is no slice."""
    table = images()
    columns = slice_columns(table)
    assert set(columns) == {
        "slice_folder",
        "slice_size",
        "slice_brightness",
        "slice_sharpness",
        "slice_format",
    }
    quarters = columns["slice_brightness"].value_counts()
    assert quarters.tolist() == [IMAGES / 4] * 4
    assert any(name.startswith("lowest quarter (") for name in quarters.index)
    assert (columns["slice_brightness"].str.startswith("lowest") == darkest(table)).all()


def test_a_folder_for_each_class_is_no_slice() -> None:
    """The class is one already; nor is a property with a value for each image."""
    table = images()
    table["path"] = table["label"] + "/" + table["sha256"] + ".png"
    more = pd.DataFrame({"id": table["sha256"], "weight": np.arange(IMAGES) / 7})
    columns = slice_columns(table, more)
    assert "slice_folder" not in columns
    assert "slice_id" not in columns
    assert columns["slice_weight"].nunique() == 4


def test_accuracies_of_slices_have_intervals(tmp_path: Path) -> None:
    """Those of the quarters are right, and add up to the whole."""
    table = images()
    evaluation = evaluation_of(
        tmp_path, "new", darkest(table) & (np.arange(IMAGES) % 4 == 0), table
    )
    rows = [row for row in evaluation.slices if row["property"] == "brightness"]
    assert [row["images"] for row in rows] == [300] * 4
    mean = sum(row["accuracy"] for row in rows) / 4
    assert mean == pytest.approx(evaluation.accuracy)
    (dark,) = (row for row in rows if row["value"].startswith("lowest"))
    assert dark["low"] < dark["accuracy"] < dark["high"] < 0.9
    assert all(row["accuracy"] == 1 for row in rows if row is not dark)


def test_mistakes_of_two_properties_together_are_found(tmp_path: Path) -> None:
    """Only dark images of one camera fail: neither property alone shows it so clearly."""
    table = images()
    dark_of_one = darkest(table) & table["path"].str.startswith("camera1").to_numpy()
    evaluation = evaluation_of(tmp_path, "new", dark_of_one, table)
    worst = evaluation.worst_slices[0]
    assert "folder camera1" in worst["slice"]
    assert "brightness lowest quarter" in worst["slice"]
    assert worst["accuracy"] == 0
    assert worst["images"] == dark_of_one.sum()
    assert evaluation_of(tmp_path, "right", np.zeros(IMAGES, bool), table).worst_slices == []


def test_a_slice_that_lost_blocks_a_model_that_gained_elsewhere(tmp_path: Path) -> None:
    """As accurate on the whole and for every class, but not in the dark any more."""
    table = images()
    dark = darkest(table)
    turn = np.arange(IMAGES)
    champion = evaluation_of(tmp_path, "champion", ~dark & (turn % 12 < 2), table)
    challenger = evaluation_of(tmp_path, "new", dark & (turn % 12 < 2), table)
    assert challenger.accuracy > champion.accuracy
    decision = decision_on(challenger, champion)
    assert broken(decision) == ["no_slice_lost"]
    assert decision.outcome is Outcome.KEPT_CHAMPION
    assert "brightness lowest quarter" in decision.message
    assert "newly wrong" in decision.message


def test_slices_that_lost_by_chance_block_nothing(tmp_path: Path) -> None:
    """Of many slices some are a little worse always."""
    table = images()
    random = np.random.default_rng(1)
    champion = evaluation_of(tmp_path, "champion", random.random(IMAGES) < 0.1, table)
    for seed in range(20):
        wrong = np.random.default_rng(seed).random(IMAGES) < 0.1
        challenger = evaluation_of(tmp_path, "new", wrong, table)
        assert "no_slice_lost" not in broken(decision_on(challenger, champion))


def test_a_slice_that_is_hardly_recognised_rejects_the_model(tmp_path: Path) -> None:
    """By the upper end of its interval, without a champion too; only if the settings ask."""
    table = images()
    challenger = evaluation_of(
        tmp_path, "new", darkest(table) & (np.arange(IMAGES) % 2 == 0), table
    )
    assert decision_on(challenger, None).outcome is Outcome.PROMOTED
    decision = decision_on(challenger, None, min_slice_accuracy=0.8)
    assert broken(decision) == ["worst_slice"]
    assert decision.outcome is Outcome.MODEL_REJECTED
    assert "brightness lowest quarter" in decision.message
    assert decision_on(challenger, None, min_slice_accuracy=0.3).outcome is Outcome.PROMOTED


def test_a_champion_without_slices_is_compared_all_the_same(tmp_path: Path) -> None:
    """One that was evaluated before there were any: the new model's slices decide."""
    table = images()
    champion = evaluation_of(tmp_path, "champion", np.zeros(IMAGES, bool), table)
    plain = pd.read_parquet(champion.predictions)
    plain[["path", "sha256", "label", "predicted", "probability"]].to_parquet(champion.predictions)
    old = dataclasses.replace(champion, slices=[], worst_slices=[])
    challenger = evaluation_of(tmp_path, "new", darkest(table), table)
    assert "no_slice_lost" in broken(decision_on(challenger, old))


def test_columns_of_a_manifest_are_slices(tmp_path: Path, image_tree: Tree) -> None:
    """By name, in the order of the images; a column that isn't there is named."""
    root = image_tree({"cat": 6, "dog": 6})
    rows = [
        f"{file.parent.name}/{file.name},{file.parent.name},{'ab'[int(file.stem) % 2]}"
        for file in sorted(root.rglob("*.png"))
    ]
    manifest = tmp_path / "labels.csv"
    manifest.write_text("\n".join(["path,label,camera", *rows]))

    def config(**evaluation: Any) -> RetrainConfig:
        data = {"directory": root, "manifest": manifest}
        return RetrainConfig.model_validate({"data": data, "evaluation": evaluation})

    inventory = take_inventory(config().data, seed=1)
    table = properties_of(inventory, config(slice_by=["camera"]))
    assert table is not None
    cameras = dict(zip(inventory["path"], table["camera"], strict=True))
    assert cameras["cat/003.png"] == "b"
    assert cameras["dog/004.png"] == "a"
    assert properties_of(inventory, config()) is None
    with pytest.raises(SettingsError, match=r"slice_by: .* has no column lens. Received: .*camera"):
        properties_of(inventory, config(slice_by=["lens"]))
    bare = RetrainConfig.model_validate(
        {"data": {"directory": root}, "evaluation": {"slice_by": ["camera"]}}
    )
    with pytest.raises(SettingsError, match=r"Set data.manifest, or evaluation.slice_by = \[\]"):
        properties_of(inventory, bare)


def test_a_real_evaluation_says_in_which_slices_images_are(bench: Bench) -> None:
    """Those of the images that the model answered; of four images each, none is measured."""
    table = pd.read_parquet(bench.evaluation.predictions)
    assert table["slice_brightness"].value_counts().tolist() == [4] * 4
    assert bench.evaluation.slices == []
