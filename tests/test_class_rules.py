"""Rules of the model gate about what an average hides: in each test just one of them blocks."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.stats import false_discovery_control

from tasks.config.schema import RetrainConfig
from tasks.errors import SettingsError
from tasks.evaluation.compare import Contender, copy_evaluations, evaluate_both
from tasks.evaluation.evaluation_record import Evaluation
from tasks.evaluation.metrics import measure_answers
from tasks.model_gate.class_rules import check_classes, newly_wrong
from tasks.model_gate.many_tests import holm
from tasks.model_gate.rules import decide, judge_model
from tasks.model_gate.versus import compare_evaluations
from tasks.outcome import Outcome
from tasks.runs.fingerprint import recipe_key

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.model_gate.rules import Decision
    from tests.command_line import Command
    from tests.image_trees import Tree
    from tests.model_bench import Bench

CLASSES = ("cat", "dog", "owl")
PER_CLASS = 400


def evaluation_of(folder: Path, name: str, wrong: dict[str, range]) -> Evaluation:
    """Return the evaluation of a model that takes some images of some classes for another one."""
    rows = []
    for label in CLASSES:
        for number in range(PER_CLASS):
            other = CLASSES[(CLASSES.index(label) + 1) % len(CLASSES)]
            predicted = other if number in wrong.get(label, ()) else label
            rows.append((f"{label}/{number}.png", f"{label}{number}", label, predicted, 0.9))
    table = pd.DataFrame(rows, columns=["path", "sha256", "label", "predicted", "probability"])
    file = folder / f"{name}.parquet"
    table.to_parquet(file)
    return Evaluation(**measure_answers(table, 0.95), calibration_error=0.05, predictions=file)


def decision_on(challenger: Evaluation, champion: Evaluation | None, **settings: Any) -> Decision:
    """Decide by all rules but that of the saved file."""
    config = RetrainConfig.model_validate({"promotion": settings})
    comparison = None
    if champion is not None:
        comparison = compare_evaluations(challenger, champion, config.promotion)
    checks = (
        *judge_model(challenger, comparison, config),
        *check_classes(challenger, champion, config),
    )
    return decide("2", challenger, checks, comparison)


def failed(decision: Decision) -> list[str]:
    """Return the rules that a version broke."""
    return [check.rule for check in decision.checks if not check.success]


def observed(decision: Decision, rule: str) -> str:
    """Return what a rule has observed."""
    return next(check.observed for check in decision.checks if check.rule == rule)


@pytest.fixture
def champion(tmp_path: Path) -> Evaluation:
    """Return a champion that misses forty images of two classes each."""
    return evaluation_of(tmp_path, "champion", {"cat": range(40), "dog": range(40)})


def test_a_class_that_lost_blocks_a_model_that_gained_elsewhere(
    tmp_path: Path, champion: Evaluation
) -> None:
    """The accuracy is higher, but owls are no longer recognised as before."""
    challenger = evaluation_of(tmp_path, "new", {"owl": range(30)})
    decision = decision_on(challenger, champion)
    assert failed(decision) == ["no_class_lost"]
    assert decision.outcome is Outcome.KEPT_CHAMPION
    assert observed(decision, "no_class_lost").startswith(
        "class owl: 30 newly wrong and 0 newly right (p = "
    )
    assert "1,200 (2.50%): owl/0.png, owl/1.png" in observed(decision, "newly_wrong")


def test_a_class_that_lost_by_chance_blocks_nothing(tmp_path: Path, champion: Evaluation) -> None:
    """Six images alone would be significant for one class, and are not for three."""
    challenger = evaluation_of(tmp_path, "new", {"owl": range(6)})
    decision = decision_on(challenger, champion)
    assert failed(decision) == []
    assert decision.outcome is Outcome.PROMOTED
    assert "class owl: 6 newly wrong and 0 newly right (p = 0.047)" in observed(
        decision, "no_class_lost"
    )


def test_the_correction_is_no_laxer_than_one_for_the_false_discovery_rate() -> None:
    """Holm's bounds the chance of any false alarm, which is the stricter promise."""
    p_values = np.random.default_rng(0).random(20) ** 3
    adjusted = holm(p_values)
    assert (adjusted >= false_discovery_control(p_values) - 1e-12).all()
    assert adjusted.min() == pytest.approx(min(1, 20 * p_values.min()))
    assert list(np.argsort(adjusted, kind="stable")[:3]) == list(np.argsort(p_values)[:3])


def test_a_class_that_is_hardly_recognised_rejects_the_model(tmp_path: Path) -> None:
    """Judged by the upper end of its interval, and without a champion too."""
    challenger = evaluation_of(tmp_path, "new", {"dog": range(300)})
    assert decision_on(challenger, None).outcome is Outcome.PROMOTED
    decision = decision_on(challenger, None, min_class_recall=0.5)
    assert failed(decision) == ["worst_class_recall"]
    assert decision.outcome is Outcome.MODEL_REJECTED
    assert observed(decision, "worst_class_recall").startswith("class dog: 0.2500, at most 0.29")
    assert decision_on(challenger, None, min_class_recall=0.28).outcome is Outcome.PROMOTED


def test_too_many_newly_wrong_images_block(tmp_path: Path) -> None:
    """Though as many are newly right: answers that users have come to know have changed."""
    before = evaluation_of(tmp_path, "before", {label: range(20) for label in CLASSES})
    challenger = evaluation_of(tmp_path, "new", {label: range(20, 40) for label in CLASSES})
    settings = {"margin": 0.05}
    assert decision_on(challenger, before, **settings).outcome is Outcome.PROMOTED
    decision = decision_on(challenger, before, **settings, max_newly_wrong=0.04)
    assert failed(decision) == ["newly_wrong"]
    assert decision.outcome is Outcome.KEPT_CHAMPION
    rows = newly_wrong(challenger.predictions, before.predictions)
    assert len(rows) == 60
    assert rows["path"].str.startswith(("cat/2", "cat/3", "dog/2", "dog/3", "owl/2", "owl/3")).all()


def test_confidences_that_promise_too_much_block(tmp_path: Path) -> None:
    """If a limit is set."""
    challenger = evaluation_of(tmp_path, "new", {})
    assert decision_on(challenger, None, max_calibration_error=0.05).outcome is Outcome.PROMOTED
    decision = decision_on(challenger, None, max_calibration_error=0.04)
    assert failed(decision) == ["calibration"]
    assert observed(decision, "calibration") == "0.0500"
    unmeasured = dataclasses.replace(challenger, calibration_error=None)
    assert failed(decision_on(unmeasured, None, max_calibration_error=0.04)) == ["calibration"]


def golden_decision(bench: Bench, golden: Path, directory: Path) -> Decision:
    """Evaluate the bench's model with a golden set, and decide by it."""
    evaluation = bench.config.evaluation.model_copy(update={"golden_dir": golden})
    config = bench.config.model_copy(update={"evaluation": evaluation})
    contender = Contender.of(bench.model, bench.inputs.contract)
    evaluate_both(contender, None, bench.inventory, config, directory=directory)
    copied, _ = copy_evaluations(directory, directory.with_name(f"{directory.name} copy"))
    good = dataclasses.replace(
        bench.with_accuracy(0.9), predictions=copied.predictions, classes=copied.classes
    )
    return decide("1", good, (*judge_model(good, None, config), *check_classes(good, None, config)))


def test_a_golden_image_that_is_missed_rejects_the_model(bench: Bench, tmp_path: Path) -> None:
    """An untrained model gets them right or wrong by its own first answers; both are tried."""
    answers = pd.read_parquet(bench.evaluation.predictions)
    golden = tmp_path / "golden"
    for row in answers.head(4).itertuples():
        (golden / str(row.predicted)).mkdir(parents=True, exist_ok=True)
        with Image.open(bench.root / str(row.path)) as image:
            image.save(golden / str(row.predicted) / f"{row.Index}.png")
    decision = golden_decision(bench, golden, tmp_path / "right")
    assert failed(decision) == []
    assert observed(decision, "golden_set") == "0 of 4 wrong"
    (golden / "unicorn").mkdir()
    first = next(golden.glob("[ab]/*.png"))
    first.rename(golden / "unicorn/1.png")
    (golden / "unicorn/2.png").write_bytes(b"torn")
    decision = golden_decision(bench, golden, tmp_path / "wrong")
    assert failed(decision) == ["golden_set"]
    assert decision.outcome is Outcome.MODEL_REJECTED
    assert observed(decision, "golden_set").startswith("2 of 5 wrong: unicorn/1.png (taken for ")
    assert "unicorn/2.png (not an image in any known format)" in observed(decision, "golden_set")


def test_other_golden_images_are_another_recipe(tmp_path: Path) -> None:
    """Else a run on unchanged data would not look at them."""
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat/1.png").write_bytes(b"one")
    config = RetrainConfig.model_validate({"evaluation": {"golden_dir": tmp_path}})
    before = recipe_key("f00d", config)
    assert recipe_key("f00d", config) == before
    (tmp_path / "cat/1.png").write_bytes(b"other")
    assert recipe_key("f00d", config) != before


def test_a_golden_folder_that_is_none_is_said(
    pixelgate: Command, image_tree: Tree, bench: Bench, tmp_path: Path
) -> None:
    """A missing one at once, one without class folders before anything is registered."""
    setting = f"evaluation.golden_dir={tmp_path / 'nowhere'}"
    ended = pixelgate("run", "--data", image_tree(), "--set", setting)
    assert ended.code == 2
    assert f"evaluation.golden_dir = {tmp_path / 'nowhere'}: there is no such folder." in ended.err
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingsError, match="must be a folder with a folder for each class"):
        golden_decision(bench, tmp_path / "empty", tmp_path / "evaluated")


def test_numbers_of_both_models_are_plain(tmp_path: Path, champion: Evaluation) -> None:
    """Records go into JSON."""
    challenger = evaluation_of(tmp_path, "new", {"owl": range(30)})
    decision = decision_on(challenger, champion)
    assert json.loads(json.dumps(decision.as_dict()))["checks"]
