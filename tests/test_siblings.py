"""Siblings: what is made from one source shares a split, and what looks like it is reported."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tasks.config.data import DataConfig
from tasks.errors import SettingsError
from tasks.inventory.declared_groups import groups_in
from tasks.inventory.explain import explain_file, format_explanation
from tasks.inventory.named_siblings import find_named_siblings
from tasks.inventory.scan import take_inventory
from tests.gate_keeper import broken_rules, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tests.command_line import Command
    from tests.gate_keeper import GateKeeper
    from tests.image_trees import Tree


def scene(number: int) -> Image.Image:
    """Draw soft blobs, as different from another number's as two photographs are."""
    small = np.random.default_rng(number).integers(0, 255, (5, 5, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((32, 32), Image.Resampling.BICUBIC)


def warped(image: Image.Image, seed: int) -> Image.Image:
    """Turn, shear and shift an image by a little."""
    random = np.random.default_rng(seed)
    turned = image.rotate(random.uniform(-15, 15), Image.Resampling.BILINEAR)
    shear, x, y = random.uniform(-0.1, 0.1), *random.uniform(-3, 3, 2)
    return turned.transform(
        image.size, Image.Transform.AFFINE, (1, shear, x, 0, 1, y), Image.Resampling.BILINEAR
    )


def write(root: Path, names: Iterable[tuple[str, int]]) -> Path:
    """Write warped images, each from the source with its number."""
    for seed, (name, number) in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        warped(scene(number), seed).save(root / name)
    return root


def augmented(root: Path, name: str = "{label}/aug_{source}_0_{copy}.png", copies: int = 4) -> Path:
    """Write a dozen sources in each of two classes, several warped copies of each."""
    return write(
        root,
        [
            (name.format(label=label, source=f"{label}{source}", copy=copy), 100 * side + source)
            for side, label in enumerate("ab")
            for source in range(12)
            for copy in range(copies)
        ],
    )


def inventory_of(root: Path, **data: Any) -> pd.DataFrame:
    """Take inventory without a cache."""
    return take_inventory(DataConfig(directory=root, **data), seed=42)


@dataclass
class Answer:
    """Answers alike whatever the images are."""

    are_alike: bool

    def __call__(self, pairs: Sequence[tuple[int, int]], *, surely: bool = False) -> bool:
        """Return the answer."""
        return bool(pairs) and self.are_alike and not surely


def are_together(inventory: pd.DataFrame) -> bool:
    """Return whether all declared siblings share a split."""
    return bool(inventory.groupby("siblings")["split"].nunique().eq(1).all())


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


def test_a_pattern_keeps_siblings_in_one_split(tmp_path: Path) -> None:
    """Of all classes, and each split still gets its share."""
    root = augmented(tmp_path / "data")
    inventory = inventory_of(root, group_pattern=r"aug_(?P<group>[^_/]+)_")
    assert inventory["siblings"].nunique() == 24
    assert are_together(inventory)
    assert inventory["split"].value_counts().to_dict() == {"train": 72, "test": 16, "validation": 8}
    apart = inventory_of(root)
    assert apart["siblings"].isna().all()
    assert not are_together(apart.assign(siblings=inventory["siblings"]))


def test_groups_of_several_classes_share_a_split(tmp_path: Path) -> None:
    """A patient has images in every class, and is in train or in test with all of them."""
    root = write(
        tmp_path / "data",
        [(f"{label}/p{patient}_{n}.png", 9 * patient + n)
         for label in "abc" for patient in range(20) for n in range(3)],
    )  # fmt: skip
    inventory = inventory_of(root, group_pattern=r"(?P<group>p\d+)_")
    assert are_together(inventory)
    counts = inventory.value_counts(["label", "split"])
    assert {counts[label, "test"] for label in "abc"} == {12}


def test_a_new_sibling_joins_its_group(keeper: GateKeeper, tmp_path: Path) -> None:
    """Even where none of those that were there before is left."""
    root = augmented(tmp_path / "data")
    pattern = {"group_pattern": r"aug_(?P<group>[^_/]+)_"}

    def splits() -> pd.Series:
        config = keeper.config(root)
        data = config.data.model_copy(update=pattern)
        inventory = take_inventory(data, seed=42, cache_dir=config.paths.inventory)
        assert are_together(inventory)
        return inventory.groupby("siblings")["split"].first()

    before = splits()
    for source in before.index:
        for file in root.rglob(f"aug_{source}_0_*.png"):
            file.unlink()
        write(root, [(f"{source[0]}/aug_{source}_0_99.png", 700 + int(source[1:]))])
    assert splits().equals(before)


def test_siblings_that_were_apart_are_drawn_again_and_stay(
    keeper: GateKeeper, tmp_path: Path
) -> None:
    """A pattern that comes later unites them; what was drawn then is remembered."""
    root = augmented(tmp_path / "data")
    memory = keeper.config(root).paths.inventory
    take_inventory(DataConfig(directory=root), seed=42, cache_dir=memory)
    data = DataConfig(directory=root, group_pattern=r"aug_(?P<group>[^_/]+)_")
    united = take_inventory(data, seed=42, cache_dir=memory).set_index("path")
    assert are_together(united)
    assert united["split"].nunique() == 3
    write(root, [(f"a/aug_new{n}_0_1.png", 900 + n) for n in range(30)])
    later = take_inventory(data, seed=42, cache_dir=memory).set_index("path")
    assert later["split"][united.index].equals(united["split"])
    again = take_inventory(data, seed=42).set_index("path")
    assert are_together(again)


def test_a_manifest_gives_groups(tmp_path: Path) -> None:
    """By its column group, or one that data.columns names."""
    root = augmented(tmp_path / "data", "{label}/{source}x{copy}.png")
    paths = sorted(file.relative_to(root).as_posix() for file in root.rglob("*.png"))
    table = pd.DataFrame({"path": paths, "label": [path[0] for path in paths]})
    table["group"] = [path.split("x")[0] for path in paths]
    for name in ("group", "patient"):
        table.rename(columns={"group": name}).to_csv(tmp_path / "all.csv", index=False)
        columns = {} if name == "group" else {"group": name}
        inventory = inventory_of(root, manifest=tmp_path / "all.csv", columns=columns)
        assert inventory["siblings"].nunique() == 24
        assert are_together(inventory)
        assert any("96 of 96 images have siblings" in note for note in inventory.attrs["notes"])


def test_a_table_beside_the_images_gives_groups(tmp_path: Path) -> None:
    """Flat files with a table of id, label and group, or class folders with one of id and group."""
    pets = [f"{'cat' if n % 2 else 'dog'}/{n}" for n in range(40)]
    root = write(tmp_path / "pets", [(f"{name}.png", n) for n, name in enumerate(pets)])
    rows = [f"{name},{n // 8}" for n, name in enumerate(pets)]
    (root / "about.csv").write_text("\n".join(["id,group", *rows]))
    assert are_together(inventory := inventory_of(root))
    assert inventory["siblings"].nunique() == 5
    root = write(tmp_path / "data", [(f"images/{n}.png", n) for n in range(40)])
    rows = [f"{n},{'cat' if n % 2 else 'dog'},{n // 8}" for n in range(40)]
    (root / "labels.csv").write_text("\n".join(["id,label,group", *rows]))
    inventory = inventory_of(root)
    assert set(inventory["label"]) == {"cat", "dog"}
    assert are_together(inventory)
    assert inventory["siblings"].nunique() == 5


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("(?P<group>", "data.group_pattern: not a regular expression"),
        ("(a)_", r"data.group_pattern: no group is named group, as in (?P<group>patient_\d+)"),
    ],
)
def test_a_wrong_pattern_is_an_error_at_once(
    pattern: str, says: str, pixelgate: Command, image_tree: Tree
) -> None:
    """Exit code 2 and one sentence."""
    ended = pixelgate("inventory", image_tree(), "--set", f"data.group_pattern={pattern}")
    assert ended.code == 2
    assert says in ended.err


def test_a_pattern_that_finds_nothing_is_an_error(image_tree: Tree) -> None:
    """It would have no effect, and nobody would notice."""
    with pytest.raises(SettingsError, match=r"finds no group in any of the 80 paths, such as cat/"):
        inventory_of(image_tree(), group_pattern="(?P<group>patient)")


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


def test_explain_names_siblings(keeper: GateKeeper, tmp_path: Path) -> None:
    """The declared ones, next to duplicates."""
    root = augmented(tmp_path / "data")
    config = keeper.config(root)
    data = config.data.model_copy(update={"group_pattern": r"aug_(?P<group>[^_/]+)_"})
    explained = explain_file(root / "a/aug_a0_0_0.png", config.model_copy(update={"data": data}))
    assert "a/aug_a0_0_1.png (" in format_explanation(explained)
    assert isinstance(explained["group"], list)
    assert {member["how"] for member in explained["group"]} == {"sibling"}
