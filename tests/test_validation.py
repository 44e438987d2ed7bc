"""The data gate: each rule catches its fault and only that, and a clean folder passes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import great_expectations as gx
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tasks.config import DataConfig, GateConfig
from tasks.errors import DataRejectedError
from tasks.inventory.scan import root_of, take_inventory
from tasks.validation.columns import with_derived_columns
from tasks.validation.context import Context
from tasks.validation.moves import find_moves
from tasks.validation.quarantine import without_quarantined
from tasks.validation.stage import validate_inventory
from tasks.validation.verdict import Verdict, require_accepted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Tree = Callable[..., Path]


def judge(root: Path, *, data_docs: bool = False, **gate: object) -> Verdict:
    """Take inventory of a folder and judge it."""
    inventory = take_inventory(DataConfig(directory=root), seed=42)
    return validate_inventory(
        inventory,
        GateConfig.model_validate(gate),
        directory=root.parent / "validation",
        data_docs=data_docs,
    )


def broken_rules(verdict: Verdict) -> set[str]:
    """Return the names of the rules that failed."""
    return {finding.rule for finding in verdict.failures}


def test_a_clean_folder_passes_without_a_warning(image_tree: Tree) -> None:
    """Nothing is found where nothing is wrong."""
    verdict = judge(image_tree())
    assert verdict.accepted
    assert not verdict.failures
    assert require_accepted(verdict) is verdict


def truncate(root: Path) -> str:
    """Cut a file in half."""
    file = root / "cat/007.png"
    file.write_bytes(file.read_bytes()[:100])
    return "cat/007.png"


def odd_size(root: Path) -> str:
    """Put a picture of another size among the others."""
    Image.effect_noise((16, 20), 40).save(root / "dog/odd.png")
    return "dog/odd.png"


def odd_mode(root: Path) -> str:
    """Put a colour picture among gray ones."""
    Image.effect_noise((16, 16), 40).convert("RGB").save(root / "dog/color.png")
    return "dog/color.png"


def unlabelled(root: Path) -> str:
    """Put a picture outside the class folders."""
    Image.effect_noise((16, 16), 40).save(root / "stray.png")
    return "stray.png"


def false_suffix(root: Path) -> str:
    """Name a JPEG file .png."""
    Image.effect_noise((16, 16), 40).save(root / "cat/photo.jpg")
    (root / "cat/photo.jpg").rename(root / "cat/photo.png")
    return "cat/photo.png"


def animation(root: Path) -> str:
    """Put an animated picture among still ones."""
    frames = [Image.effect_noise((16, 16), 40) for _ in range(3)]
    frames[0].save(root / "cat/moving.png", save_all=True, append_images=frames[1:])
    return "cat/moving.png"


def blank(root: Path) -> str:
    """Put a picture that shows nothing."""
    Image.new("L", (16, 16), 90).save(root / "dog/blank.png")
    return "dog/blank.png"


def turned(root: Path) -> str:
    """Put a picture that EXIF would turn."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.effect_noise((16, 16), 40).save(root / "dog/turned.png", exif=exif)
    return "dog/turned.png"


def deep(root: Path) -> str:
    """Put a picture of 16 bits a channel, in the mode of the others."""
    noise = np.random.default_rng(0).integers(0, 2**16, (16, 16)).astype("uint16")
    Image.fromarray(noise).save(root / "dog/deep.png")
    return "dog/deep.png"


def contradiction(root: Path) -> str:
    """Put a copy of a picture under another label, in the same split."""
    file = train_file(root, "cat")
    (root / "dog/copied.png").write_bytes(file.read_bytes())
    return "dog/copied.png"


def train_file(root: Path, label: str) -> Path:
    """Return a file of a class that is in the train split."""
    inventory = take_inventory(DataConfig(directory=root), seed=42)
    train = inventory[(inventory["split"] == "train") & (inventory["label"] == label)]
    return root / train["path"].iloc[0]


@pytest.mark.parametrize(
    ("plant", "rule"),
    [
        (truncate, "decodes"),
        (odd_size, "sizes"),
        (odd_mode, "modes"),
        (unlabelled, "labelled"),
        (false_suffix, "honest_suffix"),
        (animation, "single_frame"),
        (blank, "not_blank"),
        (turned, "upright"),
    ],
)
def test_a_bad_file_is_named_by_just_its_rule(
    image_tree: Tree, plant: Callable[[Path], str], rule: str
) -> None:
    """The file stands in the finding, on the screen and in the Parquet file."""
    root = image_tree()
    path = plant(root)
    verdict = judge(root)
    assert broken_rules(verdict) == {rule}
    finding = verdict.failures[0]
    assert finding.offenders == 1
    assert finding.examples[0].startswith(f"{path}: ")
    assert path in verdict.screen
    assert finding.remedy in verdict.screen
    offenders = pd.read_parquet(verdict.offenders)
    assert offenders[["rule", "path"]].to_numpy().tolist() == [[rule, path]]


def test_more_bits_than_the_model_is_given_are_told(image_tree: Tree) -> None:
    """A 16-bit picture is named; its mode differs too."""
    root = image_tree()
    path = deep(root)
    verdict = judge(root, modes={"allowed": "any"})
    assert broken_rules(verdict) == {"bit_depth"}
    assert verdict.failures[0].examples == (f"{path}: 16",)
    assert verdict.accepted


def test_a_picture_under_two_labels_is_told_with_both(image_tree: Tree) -> None:
    """Both files are named, with the labels that contradict each other."""
    root = image_tree()
    path = contradiction(root)
    verdict = judge(root)
    assert broken_rules(verdict) == {"one_label"}
    assert verdict.failures[0].offenders == 2
    assert f"{path}: cat and dog" in verdict.failures[0].examples


def test_a_picture_in_two_splits_is_leakage(image_tree: Tree) -> None:
    """A test picture that was trained on is named with both splits."""
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
    assert broken_rules(verdict) == {"copies"}
    assert verdict.accepted
    assert f"cat/copy3.png: cat/{original.name}" in verdict.failures[0].examples


def brighten(file: Path, place: Path) -> None:
    """Save a picture again, a little brighter."""
    with Image.open(file) as picture:
        brighter = picture.point(lambda value: min(255, value + 8))
    brighter.save(place)


def test_a_near_duplicate_in_two_splits_is_near_leakage(image_tree: Tree) -> None:
    """A test picture that was trained on in another light is named with the one it is like."""
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
    """The share counts; each is named with the picture it repeats."""
    root = image_tree()
    original = train_file(root, "cat")
    brighten(original, root / "cat/znear.png")
    verdict = judge(root)
    assert not verdict.failures
    assert f"cat/znear.png: cat/{original.name}" in verdict.screen
    for number, file in enumerate(sorted((root / "dog").iterdir())[:12]):
        brighten(file, root / f"dog/znear{number}.png")
    verdict = judge(root)
    assert broken_rules(verdict) == {"near_copies"}
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
    assert verdict.failures[1].examples == ("class dog: none at all",)
    assert judge(root, known_classes={"classes": ["cat", "dgo"]}).accepted


def test_the_aspect_can_be_bounded(image_tree: Tree) -> None:
    """Width divided by height, where it is set."""
    root = image_tree()
    odd_size(root)
    verdict = judge(root, sizes={"allowed": "any", "min_aspect": 0.9})
    assert verdict.failures[0].examples == ("dog/odd.png: 0.8",)


def test_a_tiny_class_is_named(image_tree: Tree) -> None:
    """The class and its count are told."""
    verdict = judge(image_tree({"cat": 40, "dog": 40, "rare": 6}))
    assert broken_rules(verdict) == {"class_size"}
    assert verdict.failures[0].examples == ("class rare: 6 pictures",)
    assert "class rare" in verdict.line


def test_imbalance_is_told_with_both_classes(image_tree: Tree) -> None:
    """Largest and smallest class stand in the finding."""
    verdict = judge(image_tree({"cat": 150, "dog": 12}))
    assert broken_rules(verdict) == {"class_balance"}
    assert verdict.failures[0].observed == "12.5"
    assert set(verdict.failures[0].examples) == {
        "class dog: 12 pictures",
        "class cat: 150 pictures",
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
        "class b: none in test",
        "class c: none in train",
        "class c: none in validation",
    }


def test_sizes_can_be_a_set_or_a_range(image_tree: Tree) -> None:
    """What is uniform by default can be widened by settings."""
    root = image_tree()
    odd_size(root)
    assert judge(root, sizes={"allowed": [16, [20, 16]]}).accepted
    assert judge(root, sizes={"allowed": "any", "min_side": 16, "max_side": 20}).accepted
    verdict = judge(root, sizes={"allowed": "any", "max_side": 18})
    assert verdict.failures[0].examples == ("dog/odd.png: 20",)
    assert verdict.failures[0].description == "Every height is at most 18 pixels."


def test_severity_decides_between_stop_and_report(image_tree: Tree) -> None:
    """A warning is reported and lets the data pass."""
    root = image_tree()
    truncate(root)
    verdict = judge(root, decodes={"severity": "warning"})
    assert verdict.accepted
    assert verdict.failures[0].severity == "warning"
    with pytest.raises(DataRejectedError, match=r"cat/007\.png: image file is truncated"):
        require_accepted(judge(root))


def test_the_verdict_is_a_file_too(image_tree: Tree) -> None:
    """verdict.json holds what the object holds."""
    root = image_tree({"cat": 40, "dog": 3})
    verdict = judge(root)
    written = json.loads((root.parent / "validation/verdict.json").read_text())
    assert written == verdict.model_dump(mode="json")
    assert {"rule", "expectation", "severity", "success", "observed", "threshold", "remedy"} <= set(
        written["findings"][0]
    )


def test_only_the_first_ten_files_are_shown_and_all_are_kept(image_tree: Tree) -> None:
    """The screen stays a screen; the Parquet file has them all."""
    root = image_tree()
    for number in range(15):
        (root / f"cat/{number:03d}.png").write_bytes(b"x")
    verdict = judge(root)
    assert len(verdict.failures[0].examples) == 10
    assert "and 5 more" in verdict.screen
    assert len(pd.read_parquet(verdict.offenders)) == 15


def test_a_gx_user_can_open_and_run_the_project(image_tree: Tree) -> None:
    """The suite and the checkpoint are plain GX, opened by a context of its own."""
    root = image_tree()
    judge(root)
    context = gx.get_context(mode="file", project_root_dir=root.parent / "validation")
    suite = context.suites.get("balance")
    assert "expect_column_value_counts_to_be_at_least" in {
        e.expectation_type for e in suite.expectations
    }
    assert all(expectation.description for expectation in suite.expectations)
    inventory = take_inventory(DataConfig(directory=root), seed=42)
    frame = with_derived_columns(inventory, Context(), find_moves(inventory, None), None)
    outcome = context.checkpoints.get("data_gate").run(batch_parameters={"dataframe": frame})
    assert outcome.success


def test_data_docs_are_written(image_tree: Tree) -> None:
    """The static site shows the sentences of the expectations."""
    verdict = judge(image_tree(), data_docs=True)
    assert verdict.data_docs.exists()
    pages = verdict.data_docs.parent.rglob("*.html")
    assert any("Every file decodes to a picture." in page.read_text("utf-8") for page in pages)


def test_a_quarantined_file_is_left_out_and_comes_back_mended(image_tree: Tree) -> None:
    """The run goes on without it; nothing is moved; once mended it is in again."""
    root = image_tree({"cat": 60, "dog": 60})
    whole = (root / "cat/007.png").read_bytes()
    path = truncate(root)
    verdict = judge(root, decodes={"quarantine": True})
    assert verdict.accepted
    assert verdict.quarantined == 1
    assert verdict.failures[0].quarantined
    assert "1 files quarantined" in verdict.line
    assert pd.read_parquet(verdict.quarantine).to_numpy().tolist() == [[path, "decodes"]]
    inventory = take_inventory(DataConfig(directory=root), seed=42)
    admitted = without_quarantined(inventory, verdict)
    assert set(inventory["path"]) - set(admitted["path"]) == {path}
    assert root_of(admitted) == root
    assert (root / path).exists()
    (root / path).write_bytes(whole)
    again = judge(root, decodes={"quarantine": True})
    assert not again.failures
    assert len(without_quarantined(inventory, again)) == 120


@pytest.mark.parametrize(
    ("caps", "example"),
    [
        ({"max_share": 0.01, "max_share_per_class": 0.5}, ()),
        ({"max_share": 0.5, "max_share_per_class": 0.1}, ("class cat: 15.0%",)),
    ],
)
def test_too_many_quarantined_files_fail_the_gate(
    image_tree: Tree, caps: dict[str, float], example: tuple[str, ...]
) -> None:
    """Above the cap, overall or of a class, the data is rejected after all."""
    root = image_tree()
    for number in range(6):
        (root / f"cat/{number:03d}.png").write_bytes(b"")
    assert judge(
        root,
        decodes={"quarantine": True},
        quarantine={"max_share": 0.5, "max_share_per_class": 0.5},
    ).accepted
    verdict = judge(root, decodes={"quarantine": True}, quarantine=caps)
    assert not verdict.accepted
    stopping = [finding for finding in verdict.failures if finding.stops]
    assert [finding.rule for finding in stopping] == ["quarantine"]
    assert stopping[0].examples == example
    assert "6 files" in verdict.line
