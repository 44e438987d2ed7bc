"""Declared siblings: what is made from one source shares a split, by a pattern or a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from tasks.config.data import DataConfig
from tasks.errors import SettingsError
from tasks.inventory.explain import explain_file, format_explanation
from tasks.inventory.scan import take_inventory
from tests.sibling_trees import are_together, augmented, inventory_of, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command_line import Command
    from tests.gate_keeper import GateKeeper
    from tests.image_trees import Tree


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


def test_explain_names_siblings(keeper: GateKeeper, tmp_path: Path) -> None:
    """The declared ones, next to duplicates."""
    root = augmented(tmp_path / "data")
    config = keeper.config(root)
    data = config.data.model_copy(update={"group_pattern": r"aug_(?P<group>[^_/]+)_"})
    explained = explain_file(root / "a/aug_a0_0_0.png", config.model_copy(update={"data": data}))
    assert "a/aug_a0_0_1.png (" in format_explanation(explained)
    assert isinstance(explained["group"], list)
    assert {member["how"] for member in explained["group"]} == {"sibling"}
