"""The inventory: layouts, rows, errors, splits and the fingerprint."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from PIL import Image
from pydantic import ValidationError

from tasks.config.data import DataConfig
from tasks.errors import DataFolderError
from tasks.inventory.columns import COLUMNS, SPLITS, fingerprint
from tasks.inventory.image_file import read_images
from tasks.inventory.scan import take_inventory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.image_trees import Tree


def inventory_of(
    directory: Path, *, seed: int = 42, cache_dir: Path | None = None, **data: object
) -> pd.DataFrame:
    """Take the inventory of a folder with the default settings but these."""
    return take_inventory(DataConfig(directory=directory, **data), seed=seed, cache_dir=cache_dir)


def test_class_folders_give_a_row_a_file(image_tree: Tree) -> None:
    """Every column is filled from the file itself."""
    root = image_tree({"cat": 12, "dog": 11}, size=(10, 14), mode="RGB")
    inventory = inventory_of(root)
    assert tuple(inventory.columns) == COLUMNS
    assert len(inventory) == 23
    row = inventory.iloc[0]
    assert (row.path, row.label, row.format, row["mode"]) == ("cat/000.png", "cat", "PNG", "RGB")
    assert (row.height, row.width, row.channels) == (10, 14, 3)
    file = root / row.path
    assert (row.bytes, row.mtime_ns) == (file.stat().st_size, file.stat().st_mtime_ns)
    assert inventory["error"].isna().all()
    assert inventory["path"].is_monotonic_increasing


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (("train", "val", "test"), {"train": 20, "validation": 20, "test": 20}),
        (("Training", "VALIDATION", "Testing"), {"train": 20, "validation": 20, "test": 20}),
    ],
)
def test_split_folders_are_kept(
    image_tree: Tree, folders: tuple[str, ...], expected: dict[str, int]
) -> None:
    """Split folders are known by any of their names, in any case."""
    for place, folder in enumerate(folders):
        root = image_tree({f"{folder}/a": 10, f"{folder}/b": 10}, first=100 * place)
    inventory = inventory_of(root)
    assert inventory["split"].value_counts().to_dict() == expected
    assert set(inventory["label"]) == {"a", "b"}


def test_validation_is_cut_from_train_where_only_test_is_given(image_tree: Tree) -> None:
    """The given test split stays whole; validation comes out of train."""
    image_tree({"train/a": 100, "train/b": 100})
    root = image_tree({"test/a": 20, "test/b": 20}, first=500)
    inventory = inventory_of(root)
    assert (inventory["split"] == "test").sum() == 40
    assert 5 <= (inventory["split"] == "validation").sum() <= 40
    assert inventory.loc[inventory["split"] == "validation", "path"].str.startswith("train/").all()


def test_a_class_may_be_called_train(image_tree: Tree) -> None:
    """A folder named as a split is a class where its neighbours are classes."""
    inventory = inventory_of(image_tree({"train": 12, "bus": 12}))
    assert set(inventory["label"]) == {"train", "bus"}


def test_flat_files_are_labelled_by_pattern(image_tree: Tree) -> None:
    """A regular expression with a group named label reads the label from the path."""
    root = image_tree({"x": 10})
    for file in (root / "x").iterdir():
        file.rename(root / f"cat_{file.name}")
    (root / "unnamed.png").write_bytes((root / "cat_000.png").read_bytes())
    (root / "x").rmdir()
    inventory = inventory_of(root, label_pattern=r"^(?P<label>[a-z]+)_\d+")
    assert (inventory["label"] == "cat").sum() == 10
    assert inventory.loc[inventory["label"].isna(), "path"].tolist() == ["unnamed.png"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_manifest_names_paths_labels_and_splits(image_tree: Tree, suffix: str) -> None:
    """A manifest's rows are the inventory, whatever else lies in the folder."""
    root = image_tree({"any": 6})
    table = pd.DataFrame(
        {
            "path": [f"any/{n:03d}.png" for n in range(5)] + ["any/missing.png"],
            "label": ["a", "a", "b", "b", "b", "a"],
            "split": ["train", "val", "test", "train", "training", "train"],
        }
    )
    manifest = root / f"manifest{suffix}"
    table.to_csv(manifest, index=False) if suffix == ".csv" else table.to_parquet(manifest)
    inventory = inventory_of(manifest)
    assert (
        inventory.set_index("path")["label"].to_dict() == table.set_index("path")["label"].to_dict()
    )
    assert inventory["split"].tolist()[:3] == ["train", "validation", "test"]
    missing = inventory[inventory["path"] == "any/missing.png"].iloc[0]
    assert missing.error == "No such file or directory"


def test_hidden_and_other_files_are_counted_not_classified(image_tree: Tree) -> None:
    """Notes and hidden files are no images and no classes."""
    root = image_tree({"a": 10, "b": 10})
    (root / "a/notes.txt").write_text("note")
    (root / ".DS_Store").write_text("x")
    (root / "a/.hidden.png").write_text("x")
    inventory = inventory_of(root)
    assert len(inventory) == 20
    assert (inventory.attrs["hidden"], inventory.attrs["other"]) == (2, 1)


@pytest.mark.parametrize(
    ("arrange", "message"),
    [
        (lambda _: None, "No such data folder"),
        (lambda root: root.mkdir(), "No images under"),
        (lambda root: root.write_text("x"), "is a file"),
    ],
)
def test_a_folder_that_is_no_data_set_is_named(
    tmp_path: Path, arrange: Callable[[Path], None], message: str
) -> None:
    """The error names the folder and what was expected."""
    root = tmp_path / "data"
    arrange(root)
    with pytest.raises(DataFolderError, match=message):
        inventory_of(root)


def test_flat_files_without_a_pattern_are_refused(image_tree: Tree) -> None:
    """With no folders and no pattern there is no label to be had."""
    root = image_tree({"a": 3})
    for file in (root / "a").iterdir():
        file.rename(root / file.name)
    with pytest.raises(DataFolderError, match="label_pattern"):
        inventory_of(root)


@pytest.mark.parametrize("pattern", ["(", "cat"])
def test_a_wrong_pattern_is_explained(image_tree: Tree, pattern: str) -> None:
    """A pattern must compile and must name its label."""
    with pytest.raises(ValidationError, match="label_pattern"):
        inventory_of(image_tree(), label_pattern=pattern)


def test_the_same_folder_gives_the_same_frame_and_fingerprint(image_tree: Tree) -> None:
    """Nothing depends on the order of the disk or on time."""
    root = image_tree()
    first, second = inventory_of(root), inventory_of(root)
    pd.testing.assert_frame_equal(first, second)
    assert fingerprint(first) == fingerprint(second)


def test_the_fingerprint_tells_content_label_and_name(image_tree: Tree) -> None:
    """A new file, another content, another label: another version."""
    root = image_tree()
    before = fingerprint(inventory_of(root))
    seen = {before}
    file = root / "cat/000.png"
    data = file.read_bytes()
    file.write_bytes((root / "cat/001.png").read_bytes())
    seen.add(fingerprint(inventory_of(root)))
    file.write_bytes(data)
    file.rename(root / "dog/new.png")
    seen.add(fingerprint(inventory_of(root)))
    (root / "dog/new.png").rename(file)
    assert fingerprint(inventory_of(root)) == before
    os.utime(file)
    assert fingerprint(inventory_of(root)) == before
    assert len(seen) == 3


def test_the_fingerprint_is_that_of_earlier_releases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte for byte, whatever the size of a block: kept verdicts and trainings go by it."""
    rows = [("a/é.png", "a", "train", "11"), ("b/1.png", "b", "", "22"), ("c", "", "test", "")]
    table = pd.DataFrame(rows, columns=["path", "label", "split", "sha256"]).replace("", None)
    text = "".join("\x1f".join(row) + "\x1e" for row in rows)
    expected = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    assert fingerprint(table) == expected
    monkeypatch.setattr("tasks.inventory.columns.HASHED_AT_ONCE", 2)
    assert fingerprint(table) == expected


def test_a_file_keeps_its_split_when_others_arrive(image_tree: Tree) -> None:
    """Old files stay where they are when a class grows."""
    root = image_tree({"a": 150, "b": 150})
    memory = root.parent / "memory"
    before = inventory_of(root, cache_dir=memory).set_index("path")["split"]
    image_tree({"a": 100, "b": 30, "c": 40}, first=500)
    after = inventory_of(root, cache_dir=memory).set_index("path")["split"]
    assert after[before.index].equals(before)
    assert len(after) == 470


def test_the_split_is_stratified_and_seeded(image_tree: Tree) -> None:
    """Each class gives about its share, at least one image, and another seed draws anew."""
    root = image_tree({"a": 300, "b": 300, "few": 12})
    inventory = inventory_of(root)
    shares = (inventory["split"] == "test").groupby(inventory["label"]).mean()
    assert shares[["a", "b"]].round(3).eq(0.2).all()
    assert set(inventory.loc[inventory["label"] == "few", "split"]) == set(SPLITS)
    other = inventory_of(root, seed=7)
    assert not other["split"].equals(inventory["split"])


def test_identical_files_fall_on_one_side(image_tree: Tree) -> None:
    """Copies of an image are never in two splits."""
    root = image_tree({"a": 60, "b": 60})
    for file in list((root / "a").iterdir()):
        (root / "a" / f"copy_of_{file.name}").write_bytes(file.read_bytes())
    inventory = inventory_of(root)
    assert inventory.groupby("sha256")["split"].nunique().max() == 1


def test_many_files_are_read_in_processes_alike(
    image_tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool of processes gives the same frame as one process."""
    root = image_tree({"a": 40, "b": 40})
    alone = inventory_of(root)
    monkeypatch.setattr("tasks.runtime.parallel.FILES_WORTH_A_POOL", 10)
    monkeypatch.setattr("tasks.runtime.parallel.CHUNK", 7)
    pd.testing.assert_frame_equal(inventory_of(root, workers=2), alone)


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("1", "png"), ("P", "png"), ("RGBA", "png"), ("I;16", "png"), ("CMYK", "jpg"), ("L", "bmp")],
)
def test_modes_are_told(tmp_path: Path, mode: str, suffix: str) -> None:
    """Every mode Pillow decodes is described."""
    file = tmp_path / f"x.{suffix}"
    Image.new(mode, (9, 7)).save(file)
    row = read_images(str(tmp_path), [file.name], max_pixels=1000)[0]
    assert (row["mode"], row["height"], row["width"]) == (mode, 7, 9)
