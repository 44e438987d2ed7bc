"""The data gate: each rule catches its fault and only that, and a clean folder passes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import great_expectations as gx
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tasks.config.data import DataConfig
from tasks.errors import DataRejectedError
from tasks.inventory.scan import root_of, take_inventory
from tasks.validation.context import Context
from tasks.validation.derived_columns import add_derived_columns
from tasks.validation.moves import find_moves
from tasks.validation.quarantine import drop_quarantined
from tasks.validation.verdict import read_verdict, require_accepted
from tests.gate_keeper import broken_rules, judge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.image_trees import Tree


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
    """Put an image of another size among the others."""
    Image.effect_noise((16, 20), 40).save(root / "dog/odd.png")
    return "dog/odd.png"


def odd_mode(root: Path) -> str:
    """Put a colour image among gray ones."""
    Image.effect_noise((16, 16), 40).convert("RGB").save(root / "dog/color.png")
    return "dog/color.png"


def unlabelled(root: Path) -> str:
    """Put an image outside the class folders."""
    Image.effect_noise((16, 16), 40).save(root / "stray.png")
    return "stray.png"


def false_suffix(root: Path) -> str:
    """Name a JPEG file .png."""
    Image.effect_noise((16, 16), 40).save(root / "cat/photo.jpg")
    (root / "cat/photo.jpg").rename(root / "cat/photo.png")
    return "cat/photo.png"


def animation(root: Path) -> str:
    """Put an animated image among still ones."""
    frames = [Image.effect_noise((16, 16), 40) for _ in range(3)]
    frames[0].save(root / "cat/moving.png", save_all=True, append_images=frames[1:])
    return "cat/moving.png"


def blank(root: Path) -> str:
    """Put an image that shows nothing."""
    Image.new("L", (16, 16), 90).save(root / "dog/blank.png")
    return "dog/blank.png"


def turned(root: Path) -> str:
    """Put an image that EXIF would turn."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.effect_noise((16, 16), 40).save(root / "dog/turned.png", exif=exif)
    return "dog/turned.png"


def deep(root: Path) -> str:
    """Put an image of 16 bits a channel, in the mode of the others."""
    noise = np.random.default_rng(0).integers(0, 2**16, (16, 16)).astype("uint16")
    Image.fromarray(noise).save(root / "dog/deep.png")
    return "dog/deep.png"


@pytest.mark.parametrize(
    ("plant", "rule"),
    [
        (truncate, "decodes"),
        (odd_size, "sizes"),
        (odd_mode, "modes"),
        (unlabelled, "labelled"),
        (false_suffix, "format_matches_extension"),
        (animation, "single_frame"),
        (blank, "not_blank"),
        (turned, "exif_orientation"),
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
    assert path in verdict.details
    assert finding.remedy in verdict.details
    offenders = pd.read_parquet(verdict.offenders)
    assert offenders[["rule", "path"]].to_numpy().tolist() == [[rule, path]]


def test_more_bits_than_the_model_is_given_are_told(image_tree: Tree) -> None:
    """A 16-bit image is named; its mode differs too."""
    root = image_tree()
    path = deep(root)
    verdict = judge(root, modes={"allowed": "any"})
    assert broken_rules(verdict) == {"bit_depth"}
    assert verdict.failures[0].examples == (f"{path}: 16",)
    assert verdict.accepted


def test_the_aspect_can_be_bounded(image_tree: Tree) -> None:
    """Width divided by height, where it is set."""
    root = image_tree()
    odd_size(root)
    verdict = judge(root, sizes={"allowed": "any", "min_aspect": 0.9})
    assert verdict.failures[0].examples == ("dog/odd.png: 0.8",)


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
    folder = root.parent / "validation"
    written = json.loads((folder / "verdict.json").read_text())
    assert read_verdict(folder) == verdict
    # Its folder can be moved.
    assert str(folder) not in str(written)
    assert (folder / written["offenders"]).exists()
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
    assert "and 5 more" in verdict.details
    assert len(pd.read_parquet(verdict.offenders)) == 15


def test_a_gx_user_can_open_and_run_the_project(image_tree: Tree) -> None:
    """The suite and the checkpoint are plain GX, opened by a context of its own."""
    root = image_tree()
    judge(root, data_docs=True)
    context = gx.get_context(mode="file", project_root_dir=root.parent / "validation")
    suite = context.suites.get("balance")
    assert "expect_column_value_counts_to_be_at_least" in {
        e.expectation_type for e in suite.expectations
    }
    assert all(expectation.description for expectation in suite.expectations)
    inventory = take_inventory(DataConfig(directory=root), seed=42)
    frame = add_derived_columns(inventory, Context(), find_moves(inventory, None), None)
    outcome = context.checkpoints.get("data_gate").run(batch_parameters={"dataframe": frame})
    assert outcome.success


def test_data_docs_are_written(image_tree: Tree) -> None:
    """The static site shows the sentences of the expectations."""
    verdict = judge(image_tree(), data_docs=True)
    assert verdict.data_docs.exists()
    pages = verdict.data_docs.parent.rglob("*.html")
    assert any("Every file decodes to an image." in page.read_text("utf-8") for page in pages)


def test_a_quarantined_file_is_left_out_and_comes_back_mended(image_tree: Tree) -> None:
    """The run goes on without it; nothing is moved; once mended it is in again."""
    root = image_tree({"cat": 60, "dog": 60})
    whole = (root / "cat/007.png").read_bytes()
    path = truncate(root)
    verdict = judge(root, decodes={"quarantine": True})
    assert verdict.accepted
    assert verdict.quarantined == 1
    assert verdict.failures[0].quarantined
    assert "1 file quarantined" in verdict.headline
    assert pd.read_parquet(verdict.quarantine).to_numpy().tolist() == [[path, "decodes"]]
    inventory = take_inventory(DataConfig(directory=root), seed=42)
    admitted = drop_quarantined(inventory, verdict)
    assert set(inventory["path"]) - set(admitted["path"]) == {path}
    assert root_of(admitted) == root
    assert (root / path).exists()
    (root / path).write_bytes(whole)
    again = judge(root, decodes={"quarantine": True})
    assert not again.failures
    assert len(drop_quarantined(inventory, again)) == 120


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
    assert "6 files" in verdict.headline
