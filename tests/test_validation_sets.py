"""The data gate on a set as a whole: classes, splits and copies of images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.gate_keeper import broken_rules, judge, train_file

if TYPE_CHECKING:
    from pathlib import Path

    from tests.image_trees import Tree


def contradiction(root: Path) -> str:
    """Put a copy of an image under another label, in the same split."""
    file = train_file(root, "cat")
    (root / "dog/copied.png").write_bytes(file.read_bytes())
    return "dog/copied.png"


def test_a_image_under_two_labels_is_told_with_both(image_tree: Tree) -> None:
    """Both files are named, with the labels that contradict each other."""
    root = image_tree()
    path = contradiction(root)
    verdict = judge(root)
    assert broken_rules(verdict) == {"conflicting_labels"}
    assert verdict.failures[0].offenders == 2
    assert f"{path}: cat and dog" in verdict.failures[0].examples


def test_a_image_in_two_splits_is_leakage(image_tree: Tree) -> None:
    """A test image that was trained on is named with both splits."""
    image_tree({"train/a": 40, "train/b": 40})
    root = image_tree({"test/a": 12, "test/b": 12}, first=100)
    (root / "test/a/again.png").write_bytes((root / "train/a/000.png").read_bytes())
    verdict = judge(root)
    assert broken_rules(verdict) == {"leakage"}
    assert "test/a/again.png: test and " in " ".join(verdict.failures[0].examples)


def test_many_copies_are_told_and_few_are_not(image_tree: Tree) -> None:
    """The share of copies counts; each copy is named with its original."""
    root = image_tree()
    original = train_file(root, "cat")
    (root / "cat/copy0.png").write_bytes(original.read_bytes())
    assert not judge(root).failures
    for number in range(1, 12):
        (root / f"cat/copy{number}.png").write_bytes(original.read_bytes())
    verdict = judge(root)
    assert broken_rules(verdict) == {"exact_duplicates"}
    assert verdict.accepted
    assert f"cat/copy3.png: cat/{original.name}" in verdict.failures[0].examples


def brighten(file: Path, place: Path) -> None:
    """Save an image again, a little brighter."""
    with Image.open(file) as image:
        brighter = image.point(lambda value: min(255, value + 8))
    brighter.save(place)


def test_a_near_duplicate_in_two_splits_is_near_leakage(image_tree: Tree) -> None:
    """A test image that was trained on in another light is named with the one it is like."""
    image_tree({"train/a": 40, "train/b": 40})
    root = image_tree({"test/a": 12, "test/b": 12}, first=100)
    brighten(root / "train/a/000.png", root / "test/a/again.png")
    verdict = judge(root)
    assert broken_rules(verdict) == {"near_leakage"}
    assert not verdict.accepted
    told = [example for example in verdict.failures[0].examples if "again" in example]
    assert told[0].startswith("test/a/again.png: near-duplicate of train/a/000.png in ")
    assert judge(root, near_leakage={"max_share": 0.1}).accepted


def test_many_near_duplicates_are_told_and_few_are_not(image_tree: Tree) -> None:
    """The share counts; each is named with the image it repeats."""
    root = image_tree()
    original = train_file(root, "cat")
    brighten(original, root / "cat/znear.png")
    verdict = judge(root)
    assert not verdict.failures
    assert f"cat/znear.png: cat/{original.name}" in verdict.details
    for number, file in enumerate(sorted((root / "dog").iterdir())[:12]):
        brighten(file, root / f"dog/znear{number}.png")
    verdict = judge(root)
    assert broken_rules(verdict) == {"near_duplicates"}
    assert verdict.accepted
    assert "dog/znear3.png: dog/003.png" in verdict.failures[0].examples


@pytest.mark.parametrize("alike", ["Cat", "c at", "\uff43at"])
def test_class_names_that_differ_by_spelling_are_told(image_tree: Tree, alike: str) -> None:
    """Case, blanks and Unicode form make no new class."""
    verdict = judge(image_tree({"cat": 30, alike: 30, "dog": 30}))
    assert broken_rules(verdict) == {"label_names"}
    assert "'cat'" in verdict.failures[0].examples[0]
    assert repr(alike) in verdict.failures[0].examples[0]


def test_declared_classes_are_all_there_and_no_other(image_tree: Tree) -> None:
    """An unknown class is named by its files, a missing one by its name."""
    root = image_tree({"cat": 30, "dgo": 30})
    verdict = judge(root, known_classes={"classes": ["cat", "dog"]})
    assert broken_rules(verdict) == {"known_classes"}
    assert verdict.failures[0].examples[0] == "dgo/000.png: dgo"
    assert verdict.failures[1].examples == ("class dog: no images",)
    assert judge(root, known_classes={"classes": ["cat", "dgo"]}).accepted


def test_a_tiny_class_is_named(image_tree: Tree) -> None:
    """The class and its count are told."""
    verdict = judge(image_tree({"cat": 40, "dog": 40, "rare": 6}))
    assert broken_rules(verdict) == {"class_size"}
    assert verdict.failures[0].examples == ("class rare: 6 images",)
    assert "class rare" in verdict.headline


def test_imbalance_is_told_with_both_classes(image_tree: Tree) -> None:
    """Largest and smallest class stand in the finding."""
    verdict = judge(image_tree({"cat": 150, "dog": 12}))
    assert broken_rules(verdict) == {"class_balance"}
    assert verdict.failures[0].observed == "12.5"
    assert set(verdict.failures[0].examples) == {
        "class dog: 12 images",
        "class cat: 150 images",
    }
    assert judge(image_tree({"cat": 150, "dog": 12}), class_balance={"max_ratio": 13}).accepted


def test_a_class_missing_from_a_split_is_named(image_tree: Tree) -> None:
    """A class that is only in test, or never in test, is found."""
    image_tree({"train/a": 20, "train/b": 20})
    root = image_tree({"test/a": 12, "test/c": 12}, first=100)
    verdict = judge(root)
    assert broken_rules(verdict) == {"classes_in_splits"}
    examples = {example for finding in verdict.failures for example in finding.examples}
    assert examples == {
        "class b: no images in test",
        "class c: no images in train",
        "class c: no images in validation",
    }
