"""Old and new test images: a change of the data is not taken for a change of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tasks.evaluation.evaluate import evaluate_model
from tasks.evaluation.evaluation_record import Evaluation
from tasks.evaluation.metrics import measure_answers
from tasks.model_gate.attribution import check_attribution
from tasks.registry.contender import champion_as_contender
from tasks.registry.lineage import evaluated_on, trained_on

if TYPE_CHECKING:
    from pathlib import Path

    from tests.model_bench import Bench

OLD, NEW = 300, 100


def evaluation_of(folder: Path, name: str, wrong: np.ndarray, trained: int = 0) -> Evaluation:
    """Return the evaluation of a model that is wrong about some of 400 images."""
    number = np.arange(OLD + NEW)
    labels = np.where(number % 2, "dog", "cat")
    table = pd.DataFrame(
        {
            "path": [f"{n}.png" for n in number],
            "sha256": [str(n) for n in number],
            "label": labels,
            "predicted": np.where(wrong, np.where(number % 2, "cat", "dog"), labels),
            "probability": 0.9,
        }
    )
    file = folder / f"{name}.parquet"
    table.to_parquet(file)
    return Evaluation(**measure_answers(table, 0.95), predictions=file, trained_on=trained)


def said(challenger: Evaluation, champion: Evaluation, judged_by: frozenset[str] | None) -> str:
    """Return the sentence of the check."""
    (check,) = check_attribution(challenger, champion, judged_by)
    assert (check.severity, check.success) == ("info", True)
    return check.observed


def test_both_models_on_both_kinds_of_images(tmp_path: Path) -> None:
    """Four accuracies, and whether it was the data that changed."""
    number = np.arange(OLD + NEW)
    is_new = number >= OLD
    champion = evaluation_of(tmp_path, "champion", is_new & (number % 5 == 0))
    challenger = evaluation_of(tmp_path, "new", ~is_new & (number % 10 == 0))
    old = frozenset(str(n) for n in range(OLD))
    assert said(challenger, champion, old) == (
        "on the 300 test images that the champion was judged by, it has an accuracy of 1.0000 and"
        " the new model 0.9000; on 100 new ones 0.8000 and 1.0000: for the champion the new ones"
        " are harder than the old"
    )
    assert "are easier than the old" in said(champion, challenger, old)
    assert "are as hard as the old" in said(
        champion, evaluation_of(tmp_path, "right", number < 0), old
    )


def test_a_test_split_that_stayed_or_is_new_as_a_whole_is_said(tmp_path: Path) -> None:
    """And how many images the champion has learned; without a champion there is nothing to say."""
    none = np.zeros(OLD + NEW, bool)
    model = evaluation_of(tmp_path, "new", none)
    champion = evaluation_of(tmp_path, "champion", none, trained=17)
    everything = frozenset(str(n) for n in range(OLD + NEW))
    assert said(model, model, everything) == (
        "all 400 test images are those that the champion was judged by"
    )
    assert said(model, champion, frozenset()) == (
        "none of the 400 test images is one that the champion was judged by. 17 test images are"
        " left out of the comparison, as the champion was trained on them"
    )
    assert check_attribution(model, None, everything) == ()
    assert said(model, champion, None).startswith("17 test images are left out")


def test_what_a_model_has_learned_is_no_test_for_it(bench: Bench, tmp_path: Path) -> None:
    """Such images are left out of its answers, unless nothing else would be left."""
    tests = bench.inventory[bench.inventory["split"] == "test"]
    learned = frozenset(tests["sha256"].iloc[:5]) | {"of an image that is gone"}

    def evaluated(without: frozenset[str]) -> tuple[Evaluation, set[str]]:
        evaluation = evaluate_model(
            bench.model,
            bench.inputs.contract,
            bench.inventory,
            bench.config,
            predictions=tmp_path / "answers.parquet",
            without=without,
        )
        return evaluation, set(pd.read_parquet(evaluation.predictions)["sha256"])

    evaluation, answered = evaluated(learned)
    assert (evaluation.trained_on, evaluation.test_images) == (5, len(tests) - 5)
    assert answered == set(tests["sha256"]) - learned
    whole, answered = evaluated(frozenset(tests["sha256"]))
    assert (whole.trained_on, whole.test_images) == (0, len(tests))
    assert answered == set(tests["sha256"])


def test_the_registry_knows_what_the_champion_learned(bench: Bench) -> None:
    """From the evidence of its run; without evidence nothing is left out."""
    assert champion_as_contender(bench.store) is None
    bench.retrain(0.9)
    split = bench.inventory.groupby("split")["sha256"].agg(frozenset)
    contender = champion_as_contender(bench.store)
    assert contender is not None
    assert contender.version == "1"
    assert contender.trained_on == split["train"] | split["validation"]
    assert contender.trained_on == trained_on(bench.store, "1")
    assert evaluated_on(bench.store, "1") == split["test"]
    for file in bench.config.paths.artifacts.rglob("inventory.parquet"):
        file.unlink()
    without = champion_as_contender(bench.store)
    assert without is not None
    assert without.trained_on == frozenset()
    assert evaluated_on(bench.store, "1") is None
