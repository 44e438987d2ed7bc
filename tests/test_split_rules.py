"""Classes in each split: enough of them, balanced, alike in train and test, and what helps."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from tests.gate_keeper import broken_rules, judge

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.validation.verdict import Finding, Verdict
    from tests.image_trees import Tree

Counts = dict[str, int]


def given(image_tree: Tree, **splits: Counts) -> Path:
    """Write the splits as folders."""
    root = None
    for number, (split, classes) in enumerate(splits.items()):
        named = {f"{split}/{label}": count for label, count in classes.items() if count}
        root = image_tree(named, first=1_000 * number)
    assert root is not None
    return root


def failures(verdict: Verdict, rule: str) -> list[Finding]:
    """Return the failed findings of a rule."""
    return [finding for finding in verdict.failures if finding.rule == rule]


def test_two_images_to_train_on_are_too_few(image_tree: Tree) -> None:
    """However many of the class there are in test."""
    root = given(image_tree, train={"a": 30, "b": 30, "c": 2}, test={"a": 20, "b": 20, "c": 20})
    verdict = judge(root)
    assert not verdict.accepted
    finding, *_ = failures(verdict, "class_size")
    # One of the two was drawn for validation.
    assert finding.description == "Every class has at least 6 images in train."
    assert finding.examples == ("class c: 1 image in train",)
    assert finding.remedy.startswith("Add images to the folders of these classes in train")
    assert "min_train_files" in finding.remedy


def test_one_image_to_test_on_is_too_few(image_tree: Tree) -> None:
    """One of each class in test and in validation decides nothing."""
    one = dict.fromkeys("abcdefg", 1)
    root = given(image_tree, train=dict.fromkeys("abcdefg", 20), val=one, test=one)
    verdict = judge(root)
    assert broken_rules(verdict) == {"class_size"}
    assert {finding.description for finding in failures(verdict, "class_size")} == {
        "Every class has at least 2 images in test.",
        "Every class has at least 2 images in validation.",
    }
    assert judge(root, class_size={"min_test_files": 1}).accepted


def test_splits_are_balanced_one_by_one(image_tree: Tree) -> None:
    """Train 100 to 4 and test 4 to 100 make 104 to 104, and are no balanced set."""
    root = given(image_tree, train={"a": 100, "b": 4}, test={"a": 4, "b": 100})
    verdict = judge(root, class_size={"min_files": 2})
    assert broken_rules(verdict) == {"class_balance", "split_shares"}
    assert [finding.observed for finding in failures(verdict, "class_balance")] == ["25", "25"]
    assert {
        line for finding in failures(verdict, "class_balance") for line in finding.examples
    } == {
        "class a: 100 images in train",
        "class b: 4 images in train",
        "class a: 4 images in test",
        "class b: 100 images in test",
    }


def test_an_unbalanced_test_split_alone_is_named(image_tree: Tree) -> None:
    """40 to 1 to 1, among balanced classes in train."""
    equal = {"a": 30, "b": 30, "c": 30}
    verdict = judge(given(image_tree, train=equal, test={"a": 40, "b": 1, "c": 1}))
    assert {"class_balance", "class_size"} <= broken_rules(verdict)
    assert "data.test_fraction" not in verdict.details


def test_rounding_our_own_split_is_no_imbalance(image_tree: Tree) -> None:
    """Ten times as many images are allowed, and one of ten drawn for validation changes nothing."""
    root = image_tree({"a": 100, "b": 10})
    assert not judge(root).failures
    shutil.rmtree(root)
    root = given(image_tree, train={"a": 150, "b": 15}, test={"a": 40, "b": 4})
    assert not judge(root).failures


def test_the_shares_of_test_are_those_of_train(image_tree: Tree) -> None:
    """An upside-down test split measures something else; a somewhat different one is a note."""
    root = given(image_tree, train={"a": 90, "b": 18}, test={"a": 12, "b": 60})
    verdict = judge(root)
    assert broken_rules(verdict) == {"split_shares"}
    assert not verdict.accepted
    assert "class b: 16.7% in train, 83.3% in test" in verdict.failures[0].examples
    assert "folder test" in verdict.failures[0].remedy
    shutil.rmtree(root)
    root = given(image_tree, train={"a": 90, "b": 30}, test={"a": 40, "b": 40})
    verdict = judge(root)
    assert not verdict.failures
    assert "Shares of classes differ between the splits: class " in verdict.details
    assert "class b: 25.0% in train, 50.0% in test" in verdict.details


def test_small_test_splits_say_what_they_can_decide(image_tree: Tree) -> None:
    """By the fewest answers that are more than chance: six, whatever the models."""
    root = image_tree({"a": 100, "b": 100})
    verdict = judge(root)
    assert verdict.accepted
    assert "40 test images: differences of accuracy below 15 points are noise" in verdict.details
    shutil.rmtree(root)
    root = given(image_tree, train={"a": 20, "b": 20}, test={"a": 2, "b": 3})
    verdict = judge(root)
    assert broken_rules(verdict) == {"test_size"}
    assert verdict.failures[0].examples == (
        "5 test images: no difference of accuracy is more than noise, whatever the models",
    )


@pytest.mark.parametrize("count", [0, 30])
def test_a_single_class_is_refused(image_tree: Tree, count: int) -> None:
    """Nothing can be told apart, with splits and without."""
    root = (
        given(image_tree, train={"cat": 60}, test={"cat": count})
        if count
        else image_tree({"cat": 60})
    )
    verdict = judge(root)
    assert broken_rules(verdict) == {"several_classes"}
    assert not verdict.accepted
    assert verdict.failures[0].examples == (f"class cat: {60 + count} images",)


def test_a_remedy_fits_what_gives_the_split(image_tree: Tree) -> None:
    """A manifest's split is changed in the manifest, our own by its fraction."""
    root = image_tree({"a": 40, "b": 40})
    paths = sorted(str(file.relative_to(root)) for file in root.rglob("*.png"))
    table = pd.DataFrame({"path": paths, "label": [path[0] for path in paths]})
    table["split"] = [
        "test" if n % 4 == 0 and path[0] == "a" else "train" for n, path in enumerate(paths)
    ]
    table.to_csv(root / "labels.csv", index=False)
    remedies = {finding.rule: finding.remedy for finding in judge(root / "labels.csv").failures}
    assert remedies["classes_in_splits"].startswith("Give images of these classes the split test")
    beside = {finding.rule: finding.remedy for finding in judge(root).failures}
    assert "the split test in the table beside the images" in beside["classes_in_splits"]
    drawn = judge(image_tree({"a": 40, "b": 1}, under="few"), class_size={"min_files": 1})
    remedies = {finding.rule: finding.remedy for finding in drawn.failures}
    assert "data.test_fraction" in remedies["classes_in_splits"]


def test_what_train_lacks_no_fraction_gives(image_tree: Tree) -> None:
    """A class in the folder test alone is missing from validation too, drawn from train."""
    verdict = judge(given(image_tree, train={"a": 20, "b": 20}, test={"a": 10, "b": 10, "c": 10}))
    remedies = [each.remedy for each in failures(verdict, "classes_in_splits")]
    assert len(remedies) == 2
    assert all("folders in train" in remedy for remedy in remedies)
