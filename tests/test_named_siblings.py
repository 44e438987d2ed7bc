"""Siblings that nobody declared: told by their names and images, and reported with a pattern."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from tasks.inventory.declared_groups import groups_in
from tasks.inventory.named_siblings import find_named_siblings
from tests.gate_keeper import broken_rules, judge
from tests.sibling_trees import are_together, augmented, inventory_of, write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass
class Answer:
    """Answers alike whatever the images are."""

    are_alike: bool

    def __call__(self, pairs: Sequence[tuple[int, int]], *, surely: bool = False) -> bool:
        """Return the answer."""
        return bool(pairs) and self.are_alike and not surely


def found(*paths: str, are_alike: bool = False) -> list[list[str]]:
    """Return the families by the names alone; the class is the last folder."""
    frame = pd.DataFrame({"path": paths, "label": [path.split("/")[-2] for path in paths]})
    named = find_named_siblings(frame.astype("str"), Answer(are_alike))
    families = frame["path"].groupby(named.family).agg(list).tolist()
    if named.pattern:
        groups = groups_in(named.pattern, paths)
        for family in families:
            assert len(set(groups[frame["path"].isin(family)])) == 1, named.pattern
        assert groups.nunique() == len(families) + len(paths) - sum(map(len, families))
    return families


def test_siblings_across_given_splits_reject_the_data(tmp_path: Path) -> None:
    """By their names, and by a pattern; a source of its own for each image is the way out."""
    root = augmented(tmp_path / "data", "train/{label}/aug_{source}_0_{copy}.png")
    root = augmented(root, "test/{label}/aug_{source}_0_9{copy}.png", copies=1)
    verdict = judge(root)
    finding = next(each for each in verdict.failures if each.rule == "sibling_leakage")
    assert finding.offenders == 120
    assert not verdict.accepted
    assert "test/a/aug_a0_0_90.png: sibling of train/a/aug_a0_0_0.png in train" in finding.examples
    assert finding.remedy.startswith("Move siblings into one of the folders")
    pattern = re.search(r"data\.group_pattern = '([^']+)'", finding.remedy)
    assert pattern
    for declared, broken in ((pattern[1], True), ("^(?P<group>.+)$", False)):
        verdict = judge(root, data={"group_pattern": declared})
        assert ("sibling_leakage" in broken_rules(verdict)) == broken


def test_names_of_siblings_are_a_warning_with_the_pattern(tmp_path: Path) -> None:
    """Where the split is drawn, the pattern to write is in the remedy, and it helps."""
    root = augmented(tmp_path / "data")
    verdict = judge(root)
    finding = next(each for each in verdict.failures if each.rule == "siblings")
    assert finding.severity == "warning"
    assert finding.observed.startswith("96 of 96 files")
    pattern = re.search(r"data\.group_pattern = '([^']+)'", finding.remedy)
    assert pattern
    assert not {"siblings", "sibling_leakage"} & broken_rules(
        judge(root, data={"group_pattern": pattern[1]})
    )
    inventory = inventory_of(root, group_pattern=pattern[1])
    assert are_together(inventory)
    assert inventory["siblings"].nunique() == 24


@pytest.mark.parametrize(
    "names",
    [
        ["aug_{}_0_123", "aug_{}_0_77"],
        ["{}_aug3", "{}_aug12"],
        ["{}-flip", "{}"],
        ["{}(1)", "{}"],
        ["{} (2)", "{} (1)", "{}"],
        ["{}_crop_2", "{}_crop_1"],
        ["{}_rot90", "{}_rot180", "{}"],
        ["{}_hflip", "{}_vflip"],
        ["{}_horizontal_flip", "{}_vertical_flip"],
        ["rotated_90_{}", "flipped_{}"],
        ["{}_rotated_by_15", "{}_rotated_by_30"],
        ["{}_brightness_1.2", "{}_noise", "{}"],
        ["{} - Copy", "{}"],
        ["{} - Copy (2)", "{}"],
        ["Copy of {}", "{}"],
        ["{}_jpg.rf.0a1b2c", "{}_jpg.rf.ff12aa"],
        ["{}FlipLR", "{}Rotate90"],
        ["{}_flip_rot90", "{}_rot90", "{}"],
        ["{}.mirror", "{}"],
        ["{}_v2", "{}"],
        ["{}_aug_0_4242", "{}_aug_0_17"],
        ["augmented-{}-3", "augmented-{}-4"],
        [
            "cat_original_{}.jpg_0a1b2c3d-1111-2222-3333-0123456789ab",
            "cat_original_{}.jpg_ffffffff-1111-2222-3333-0123456789ab",
            "{}",
        ],
    ],
    ids=lambda names: names[0],
)
def test_names_that_look_like_siblings(names: Sequence[str]) -> None:
    """Those of offline augmentation, of copies and of exports."""
    paths = [f"cat/{name.format(f'IMG_{n}')}.png" for n in (12, 13, 14) for name in names]
    paths += ["cat/IMG_99.png", "dog/IMG_77.png"]
    assert [len(family) for family in found(*paths)] == [len(names)] * 3


@pytest.mark.parametrize(
    "names",
    [
        [f"1_{n:05d}" for n in range(50)],
        [f"{n:04d}" for n in range(50)],
        [f"cat ({n})" for n in range(50)],
        ["images", *[f"images ({n})" for n in range(1, 9)]],
        [f"aug_{n}" for n in range(50)],
        [f"crop_{n:03d}" for n in range(50)],
        [f"scan_dark_{n:03d}" for n in range(50)],
        [f"{n}_left" for n in range(50)],
        [f"airplane_s_{n:06d}" for n in range(50)],
        [f"IMG_20190101_{n:06d}" for n in range(50)],
        [f"frame{n}_rot90" for n in range(50)],
        [f"n02085620_{n}" for n in range(50)],
    ],
    ids=lambda names: names[-1],
)
def test_other_names_do_not(names: Sequence[str]) -> None:
    """Numbers, dates and what a file manager or a browser calls different images."""
    assert found(*[f"cat/{name}.png" for name in names]) == []


def test_folders_numbered_for_themselves_are_no_leak(tmp_path: Path) -> None:
    """Train augmented after the split, as it should be, and test numbered from 1 as well."""
    names = []
    for n in range(15):
        for i, label in enumerate("ab"):
            names += [(f"train/{label}/{n}.png", 100 * i + n)]
            names += [(f"train/{label}/{n}_flip.png", 100 * i + n)]
            names += [(f"test/{label}/{n}.png", 1000 + 100 * i + n)]
    verdict = judge(write(tmp_path / "data", names))
    assert "sibling_leakage" not in broken_rules(verdict)
    # Validation is drawn from train, where each image has its copy.
    finding = next(each for each in verdict.failures if each.rule == "siblings")
    assert finding.observed.startswith("60 of 90 files")


def test_numbered_sources_on_both_sides_are_told_by_their_images(tmp_path: Path) -> None:
    """aug_17_0_3 in train and aug_17_0_5 in test are of one source where they look like it."""
    for same in (True, False):
        names = [
            (f"{split}/{label}/aug_{n}_0_{copy}.png",
             100 * i + n + (0 if same else 1000 * s))
            for s, split in enumerate(("train", "test")) for i, label in enumerate("ab")
            for n in range(15) for copy in range(2 * s, 2 * s + 2)
        ]  # fmt: skip
        verdict = judge(write(tmp_path / str(same), names))
        assert ("sibling_leakage" in broken_rules(verdict)) == same


NUMBERED = (
    "{label}/{source}_{copy}.png", "{label}/part{copy}/{source}.png", "{label}/{source}.{copy}.png",
    "{label}/my_{source}_frame{copy}.png", "{label}/{source}_s{copy}_left.png",
    "{label}/my_{source}_{copy}a1b2c3d.png", "{label}/{copy}_{source}.png",
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "same"),
    [*((name, True) for name in NUMBERED), *((name, False) for name in NUMBERED[:2])],
)
def test_numbers_alone_are_told_by_the_images(tmp_path: Path, name: str, *, same: bool) -> None:
    """cat12_0 and cat12_1, or two folders of the same names: siblings if they look like it."""
    names = [
        (
            name.format(label=label, source=f"x{n}", copy=copy),
            100 * side + n + 1000 * copy * (not same),
        )
        for side, label in enumerate("ab")
        for n in range(12)
        for copy in range(4)
    ]
    verdict = judge(write(tmp_path / "data", names))
    findings = [each for each in verdict.failures if each.rule == "siblings"]
    assert bool(findings) == same
    if same:
        pattern = re.search(r"data\.group_pattern = '([^']+)'", findings[0].remedy)
        assert pattern
        groups = groups_in(pattern[1], [path for path, _ in names])
        assert len(set(groups)) in {12, 24}
