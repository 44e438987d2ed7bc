"""Against the last accepted run: drift, volume, staleness, what moved, and learned thresholds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

from tasks.errors import PixelgateError
from tasks.validation.baseline import list_baselines, reset_baselines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.validation.verdict import Verdict
    from tests.gate_keeper import GateKeeper
    from tests.image_trees import Tree


def broken(verdict: Verdict) -> set[str]:
    """Return the names of the rules that failed."""
    return {finding.rule for finding in verdict.failures}


def change_all(root: Path, how: Callable[[Image.Image], Image.Image], only: str = "**") -> None:
    """Change every image in place."""
    for file in root.glob(f"{only}/*.png"):
        with Image.open(file) as image:
            image.load()
        how(image).save(file)


def test_the_same_data_has_not_moved(keeper: GateKeeper, image_tree: Tree) -> None:
    """Nor has data that grew by more of the same."""
    root = image_tree({"cat": 60, "dog": 60})
    assert "No data has been accepted before" in keeper.accept(root).details
    again = keeper.judge(root)
    assert not again.failures
    assert again.moves == {}
    assert again.baseline == "run1"
    image_tree({"cat": 20, "dog": 20}, first=500)
    grown = keeper.judge(root)
    assert not grown.failures
    assert grown.moves == {"added": 40}


@pytest.mark.parametrize(
    ("how", "rule"),
    [
        (lambda image: image.point(lambda value: value // 2 + 90), "drift_brightness"),
        (lambda image: image.point(lambda value: 30 + value // 3), "drift_contrast"),
        (lambda image: image.filter(ImageFilter.GaussianBlur(1.5)), "drift_sharpness"),
    ],
)
def test_another_light_or_lens_is_told(
    keeper: GateKeeper, image_tree: Tree, how: Callable[[Image.Image], Image.Image], rule: str
) -> None:
    """All images changed: the measure's rule fails, with both medians."""
    root = image_tree({"cat": 60, "dog": 60})
    keeper.accept(root)
    change_all(root, how)
    verdict = keeper.judge(root)
    assert rule in broken(verdict)
    assert verdict.accepted
    finding = next(each for each in verdict.failures if each.rule == rule)
    assert finding.examples[0].startswith("median ")
    assert f"gate.{rule}.max_distance" in finding.remedy


def test_a_bad_batch_among_many_good_files_is_told(keeper: GateKeeper, image_tree: Tree) -> None:
    """Forty dark newcomers among 400: too few to move the whole, plain by themselves."""
    root = image_tree({"cat": 200, "dog": 200})
    keeper.accept(root)
    image_tree({"cat": 20, "dog": 20}, first=900)
    for file in root.glob("*/9*.png"):
        with Image.open(file) as image:
            dark = image.point(lambda value: value // 4)
        dark.save(file)
    verdict = keeper.judge(root)
    told = {f.rule: f.description for f in verdict.failures}
    assert "of new images" in told["drift_brightness"]
    assert "max_distance_of_new" in next(f.remedy for f in verdict.failures)


def test_other_sizes_are_drift_where_any_size_is_allowed(
    keeper: GateKeeper, image_tree: Tree
) -> None:
    """Heights and widths are compared too."""
    root = image_tree({"cat": 60, "dog": 60})
    keeper.accept(root, sizes={"allowed": "any"})
    change_all(root, lambda image: image.resize((24, 16)))
    verdict = keeper.judge(root, sizes={"allowed": "any"})
    assert "drift_width" in broken(verdict)
    assert "drift_height" not in broken(verdict)


def test_a_batch_that_shrank_is_rejected(keeper: GateKeeper, image_tree: Tree) -> None:
    """More than the allowed share of the files is gone."""
    root = image_tree({"cat": 100, "dog": 100})
    keeper.accept(root)
    for number in range(30):
        (root / f"cat/{number:03d}.png").unlink()
        (root / f"dog/{number:03d}.png").unlink()
    verdict = keeper.judge(root)
    assert broken(verdict) == {"volume"}
    assert not verdict.accepted
    assert "At most 20% of the 200 files" in verdict.details
    assert keeper.judge(root, volume={"max_shrink": 0.4}).accepted


def test_shares_of_classes_are_compared(keeper: GateKeeper, image_tree: Tree) -> None:
    """With the last accepted ones, or with those that were declared."""
    root = image_tree({"cat": 120, "dog": 120})
    keeper.accept(root)
    image_tree({"cat": 260}, first=500)
    verdict = keeper.judge(root)
    assert broken(verdict) == {"class_shares"}
    assert set(verdict.failures[0].examples) == {
        "class cat: 50.0% before, 76.0% now",
        "class dog: 50.0% before, 24.0% now",
    }
    declared = {"class_shares": {"declared": {"cat": 0.75, "dog": 0.25}}}
    assert not keeper.judge(root, **declared).failures
    wrong = keeper.judge(root, class_shares={"declared": {"cat": 0.2, "dog": 0.8}})
    assert broken(wrong) == {"class_shares"}


def test_nothing_new_for_long_is_told(keeper: GateKeeper, image_tree: Tree) -> None:
    """Days are counted from when an accepted run last held something new."""
    root = image_tree()
    keeper.accept(root)
    later = {"now": datetime.now(UTC) + timedelta(days=8)}
    assert not keeper.judge(root, context=later).failures
    verdict = keeper.judge(root, context=later, staleness={"max_days": 7})
    assert broken(verdict) == {"staleness"}
    assert verdict.failures[0].observed == "8"
    image_tree({"cat": 1}, first=900)
    assert not keeper.judge(root, context=later, staleness={"max_days": 7}).failures


def test_what_moved_is_told_by_content(keeper: GateKeeper, image_tree: Tree) -> None:
    """Added, removed, changed, renamed and relabelled, each with where it was."""
    root = image_tree({"cat": 100, "dog": 100})
    keeper.accept(root)
    (root / "cat/000.png").rename(root / "cat/renamed.png")
    (root / "cat/001.png").rename(root / "dog/relabelled.png")
    (root / "cat/002.png").unlink()
    image_tree({"dog": 1}, first=900)
    with Image.open(root / "cat/003.png") as image:
        upside_down = image.transpose(Image.Transpose.ROTATE_180)
    upside_down.save(root / "cat/003.png")
    verdict = keeper.judge(root)
    assert verdict.moves == {"added": 1, "removed": 1, "changed": 1, "renamed": 1, "relabelled": 1}
    table = pd.read_parquet(verdict.offenders.with_name("moves.parquet"))
    moves = table.set_index("change").to_dict("index")
    assert moves["renamed"]["path"] == "cat/renamed.png"
    assert moves["renamed"]["path_before"] == "cat/000.png"
    assert (moves["relabelled"]["label"], moves["relabelled"]["label_before"]) == ("dog", "cat")
    assert moves["removed"]["path_before"] == "cat/002.png"
    assert moves["changed"]["path"] == "cat/003.png"
    assert moves["added"]["path"] == "dog/900.png"
    assert not verdict.failures
    assert "dog/relabelled.png: cat" in verdict.details


def test_many_relabelled_files_are_rejected(keeper: GateKeeper, image_tree: Tree) -> None:
    """Files moved into another class by mistake are named with the class they had."""
    root = image_tree({"cat": 100, "dog": 100})
    keeper.accept(root)
    for number in range(5):
        (root / f"cat/{number:03d}.png").rename(root / f"dog/cat{number}.png")
    verdict = keeper.judge(root, label_errors={"check": False})
    assert broken(verdict) == {"relabelled"}
    assert not verdict.accepted
    assert verdict.failures[0].examples[0] == "dog/cat0.png: cat"
    assert verdict.failures[0].offenders == 5


def test_a_copy_under_another_class_is_not_relabelled(keeper: GateKeeper, image_tree: Tree) -> None:
    """It stands under both, which is another rule's business."""
    root = image_tree({"cat": 100, "dog": 100})
    keeper.accept(root)
    for number in range(5):
        copy = (root / f"cat/{number:03d}.png").read_bytes()
        (root / f"dog/cat{number}.png").write_bytes(copy)
    assert broken(keeper.judge(root, label_errors={"check": False})) == {"conflicting_labels"}


def test_the_baseline_is_what_was_accepted_last(keeper: GateKeeper, image_tree: Tree) -> None:
    """The same data again is no second baseline; a reset puts them aside."""
    root = image_tree({"cat": 60, "dog": 60})
    config = keeper.config(root)
    keeper.accept(root)
    keeper.accept(root)
    assert len(list_baselines(config.paths)) == 1
    image_tree({"cat": 5}, first=900)
    keeper.judge(root)
    assert list_baselines(config.paths)[0].record["files"] == 120
    keeper.accept(root)
    assert [each.record["files"] for each in list_baselines(config.paths)] == [125, 120]
    aside = reset_baselines(config.paths)
    assert aside is not None
    assert len(list(aside.iterdir())) == 2
    assert list_baselines(config.paths) == []
    assert keeper.judge(root).baseline is None


def test_a_learnt_bound_comes_from_accepted_runs(keeper: GateKeeper, image_tree: Tree) -> None:
    """Too few runs: the default, and it is said; enough: the extreme with its margin printed."""
    learn: dict[str, Any] = {
        "class_balance": {"max_ratio": "learn"},
        "class_size": {"min_files": "learn"},
        "not_blank": {"min_contrast": "learn"},
        "learning": {"min_runs": 3, "margin": 0.1},
    }
    root = image_tree({"cat": 60, "dog": 60})
    for more in (0, 4, 8):
        image_tree({"cat": more}, first=900 - more)
        first = keeper.accept(root, **learn)
    told = {finding.rule: finding.threshold for finding in first.findings}
    assert told["class_balance"] == "max_ratio 10 (2 of 3 accepted runs to learn from: default)"
    verdict = keeper.judge(root, **learn)
    told = {finding.rule: finding.threshold for finding in verdict.findings}
    assert told["class_balance"] == (
        "max_ratio 1.247 (learned from 3 accepted runs: highest 1.133, margin 10%)"
    )
    assert told["class_size"].startswith("min_count 54 (learned from 3 accepted runs: lowest 60")
    assert verdict.accepted
    image_tree({"cat": 40}, first=2000)
    grown = keeper.judge(root, **learn)
    assert "class_balance" in broken(grown)
    pale = Image.fromarray(np.random.default_rng(0).integers(90, 99, (16, 16), dtype=np.uint8))
    pale.save(root / "cat/pale.png")
    assert "not_blank" in broken(keeper.judge(root, **learn))
    assert "not_blank" not in broken(keeper.judge(root))


def test_a_torn_baseline_is_not_passed_over(keeper: GateKeeper, image_tree: Tree) -> None:
    """Without it drift can't be judged, and that is said with what to do."""
    root = image_tree({"cat": 30, "dog": 30})
    keeper.accept(root)
    folder = list_baselines(keeper.config(root).paths)[0].folder
    (folder / "inventory.parquet").write_bytes(b"torn")
    with pytest.raises(PixelgateError, match=r"drift can.t be judged.*baseline reset"):
        keeper.judge(root)


def test_only_the_last_runs_are_remembered(keeper: GateKeeper, image_tree: Tree) -> None:
    """gate.learning.runs bounds what is kept."""
    root = image_tree({"cat": 30, "dog": 30})
    for number in range(4):
        image_tree({"cat": 1}, first=900 + number)
        keeper.accept(root, learning={"runs": 2})
    assert len(list_baselines(keeper.config(root).paths)) == 2


def test_classes_of_the_model_in_production_are_known(keeper: GateKeeper, image_tree: Tree) -> None:
    """Another class, and one that is missing; a declared list goes before the champion's."""
    root = image_tree({"cat": 30, "eel": 30})
    champion = {"champion_classes": ("cat", "dog")}
    verdict = keeper.judge(root, context=champion)
    assert broken(verdict) == {"known_classes"}
    assert not verdict.accepted
    assert verdict.failures[0].examples[0] == "eel/000.png: eel"
    assert verdict.failures[1].examples == ("class dog: no images",)
    declared = {"known_classes": {"classes": ["cat", "eel"]}}
    assert keeper.judge(root, context=champion, **declared).accepted
