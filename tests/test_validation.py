"""The data gate: each rule catches its fault and only that, and a clean folder passes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import great_expectations as gx
import pandas as pd
import pytest
from PIL import Image

from tasks.config import DataConfig, GateConfig
from tasks.errors import DataRejectedError
from tasks.inventory.scan import take_inventory
from tasks.validation import Verdict, require_accepted, validate_inventory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Tree = Callable[..., Path]


def judge(root: Path, **gate: object) -> Verdict:
    """Take inventory of a folder and judge it."""
    inventory = take_inventory(DataConfig(directory=root), seed=42)
    return validate_inventory(
        inventory, GateConfig.model_validate(gate), directory=root.parent / "validation"
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


@pytest.mark.parametrize(
    ("plant", "rule"),
    [(truncate, "decodes"), (odd_size, "sizes"), (odd_mode, "modes"), (unlabelled, "labelled")],
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
    suite = context.suites.get("images")
    assert "expect_column_value_counts_to_be_at_least" in {
        e.expectation_type for e in suite.expectations
    }
    assert all(expectation.description for expectation in suite.expectations)
    inventory = take_inventory(DataConfig(directory=root), seed=42)
    frame = inventory.assign(size="16x16", readable_label=inventory["label"]).assign(
        **{f"label_{split}": inventory["label"] for split in ("train", "validation", "test")}
    )
    outcome = context.checkpoints.get("data_gate").run(batch_parameters={"dataframe": frame})
    assert outcome.success


def test_data_docs_are_written(image_tree: Tree) -> None:
    """The static site shows the sentences of the expectations."""
    verdict = judge(image_tree())
    assert verdict.data_docs.exists()
    pages = verdict.data_docs.parent.rglob("*.html")
    assert any("Every file decodes to a picture." in page.read_text("utf-8") for page in pages)
