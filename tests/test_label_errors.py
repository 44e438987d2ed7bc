"""Suspect labels: found on real digits, ranked, a few told as a note and more as a warning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from flows.cli.demo import write_digits
from tasks.config.gate import GateConfig
from tasks.validation.label_errors import start_judging_labels

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gate_keeper import GateKeeper
    from tests.image_trees import Tree


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """Write scikit-learn's handwritten digits as files."""
    return write_digits(tmp_path / "digits")


def mislabel(root: Path, many: int) -> set[str]:
    """Move files into the folder of another digit; return where they are now."""
    random = np.random.default_rng(3)
    files = sorted(root.glob("*/*.png"))
    moved = set()
    for at in random.choice(len(files), many, replace=False):
        file = files[at]
        wrong = (int(file.parent.name) + 1 + int(random.integers(9))) % 10
        place = root / str(wrong) / f"x{file.name}"
        file.rename(place)
        moved.add(place.relative_to(root).as_posix())
    return moved


def test_clean_digits_pass(keeper: GateKeeper, digits: Path) -> None:
    """Hardly a label of 1,797 real ones is suspect, and no rule fails."""
    verdict = keeper.judge(digits)
    assert not verdict.failures
    finding = next(each for each in verdict.findings if each.rule == "label_errors")
    assert finding.offenders < 10


def test_a_few_wrong_labels_are_a_note_and_many_a_warning(keeper: GateKeeper, digits: Path) -> None:
    """The files are named with what they look like, the worst first."""
    few = mislabel(digits, 10)
    verdict = keeper.judge(digits)
    assert not verdict.failures
    assert "note  At most 1.0% of the labels contradict" in verdict.details
    ranked = pd.read_parquet(verdict.offenders.with_name("label_errors.parquet"))
    assert len(few & set(ranked["path"])) >= 6
    assert ranked["probability_of_label"].is_monotonic_increasing
    many = few | mislabel(digits, 60)
    verdict = keeper.judge(digits)
    assert [finding.rule for finding in verdict.failures] == ["label_errors"]
    assert verdict.accepted
    offenders = set(pd.read_parquet(verdict.offenders).query("rule == 'label_errors'")["path"])
    assert len(offenders & many) > 0.6 * len(many)
    assert len(offenders - many) < 10


def test_noise_has_no_wrong_labels(keeper: GateKeeper, tmp_path: Path) -> None:
    """Where nothing can be learned, a weak model's guesses hold nobody up."""
    random = np.random.default_rng(0)
    for number in range(200):
        folder = tmp_path / "noise" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 255, (16, 16), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    verdict = keeper.judge(tmp_path / "noise")
    assert not verdict.failures
    assert "label_errors" not in {finding.rule for finding in verdict.findings}


def test_a_weak_models_mistakes_are_not_held_against_labels(
    keeper: GateKeeper, tmp_path: Path
) -> None:
    """Classes that overlap: what the quick model confuses is no label error."""
    random = np.random.default_rng(0)
    for number in range(600):
        folder = tmp_path / "fog" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = random.normal(128, 40, (16, 16))
        pixels[:, 4:12] += random.normal(25 if number % 2 else -25, 22)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{number}.png")
    assert not keeper.judge(tmp_path / "fog").failures


def test_the_same_question_is_answered_from_memory(
    keeper: GateKeeper, digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unchanged images and labels cost no second cross-validation."""
    inventory = keeper.inventory(digits)
    memory = keeper.home / "memory"
    rule = GateConfig().label_errors
    first = start_judging_labels(inventory, rule, cache_dir=memory)()
    asked = []
    monkeypatch.setattr(
        "tasks.validation.label_errors._rank_suspects", lambda *args: asked.append(args)
    )
    again = start_judging_labels(inventory, rule, cache_dir=memory)()
    assert asked == []
    assert first is not None
    assert again is not None
    pd.testing.assert_frame_equal(first, again)


def test_it_can_be_turned_off_or_asked_for_more(keeper: GateKeeper, digits: Path) -> None:
    """Turned off it says nothing, nor where the quick model is not good enough."""
    inventory = keeper.inventory(digits)
    rule = GateConfig().label_errors
    assert start_judging_labels(inventory, rule.model_copy(update={"check": False}))() is None
    assert (
        start_judging_labels(inventory, rule.model_copy(update={"min_accuracy": 0.999}))() is None
    )
    assert start_judging_labels(inventory, rule)() is not None


def test_too_few_images_are_not_judged(keeper: GateKeeper, image_tree: Tree) -> None:
    """A hundred images teach nothing that could be held against a label."""
    inventory = keeper.inventory(image_tree({"cat": 50, "dog": 50}))
    assert start_judging_labels(inventory, GateConfig().label_errors)() is None
