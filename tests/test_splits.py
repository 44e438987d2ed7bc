"""The split: an image keeps its side for ever, and what is alike falls on one side."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from PIL import Image, ImageEnhance

from tasks.errors import UsageError
from tasks.inventory.explain import explain_file, format_explanation
from tasks.inventory.scan import take_inventory

if TYPE_CHECKING:
    from tests.gate_keeper import GateKeeper
    from tests.image_trees import Tree


def splits_of(keeper: GateKeeper, root: Path) -> pd.Series:
    """Return the split of each file."""
    inventory = keeper.inventory(root).set_index("path")
    return pd.Series(inventory["split"])


def test_shares_are_met_class_by_class(keeper: GateKeeper, image_tree: Tree) -> None:
    """A fifth of each class is tested on, a tenth of the rest validated on, to the file."""
    inventory = keeper.inventory(image_tree({"a": 100, "b": 50}))
    counts = inventory.value_counts(["label", "split"]).to_dict()
    assert counts == {
        ("a", "train"): 72,
        ("a", "validation"): 8,
        ("a", "test"): 20,
        ("b", "train"): 36,
        ("b", "validation"): 4,
        ("b", "test"): 10,
    }


def test_renamed_removed_and_back_again(
    keeper: GateKeeper, image_tree: Tree, tmp_path: Path
) -> None:
    """An image is known by its content, wherever it goes and however long it is gone."""
    root = image_tree({"a": 60, "b": 60})
    before = splits_of(keeper, root)
    for path in before.index[::2]:
        (root / path).rename(root / Path(path).with_name(f"new_{Path(path).name}"))
    gone = tmp_path / "elsewhere"
    gone.mkdir()
    for path in before.index[1::4]:
        (root / path).rename(gone / path.replace("/", "_"))
    image_tree({"a": 40, "b": 10}, first=700)
    renamed = splits_of(keeper, root)
    assert all(renamed[f"{p[:2]}new_{p[2:]}"] == before[p] for p in before.index[::2])
    for path in before.index[1::4]:
        (gone / path.replace("/", "_")).rename(root / path)
    back = splits_of(keeper, root)
    assert all(back[path] == before[path] for path in before.index[1::4])


def test_a_file_saved_anew_keeps_its_side(keeper: GateKeeper, image_tree: Tree) -> None:
    """Another encoding under the same name is the same image."""
    root = image_tree({"a": 60, "b": 60})
    before = splits_of(keeper, root)
    for path in before.index:
        with Image.open(root / path) as image:
            image.load()
        ImageEnhance.Brightness(image).enhance(1.3).save(root / path, compress_level=1)
    assert splits_of(keeper, root).equals(before)


def test_another_image_under_an_old_name_goes_with_its_like(
    keeper: GateKeeper, image_tree: Tree
) -> None:
    """What a file shows counts more than its name."""
    root = image_tree({"a": 60, "b": 60})
    before = splits_of(keeper, root)
    test, train = (before[before == split].index for split in ("test", "train"))
    (root / train[0]).write_bytes((root / test[0]).read_bytes())
    assert splits_of(keeper, root)[train[0]] == "test"


def test_near_duplicates_fall_on_one_side(keeper: GateKeeper, image_tree: Tree) -> None:
    """A newcomer goes where its like is, whatever is drawn; so do two newcomers that are alike."""
    root = image_tree({"a": 60, "b": 60})
    before = splits_of(keeper, root)
    for path in before.index:
        with Image.open(root / path) as image:
            brighter = image.point(lambda value: min(255, value + 6))
        brighter.save(root / path.replace("/", "/z"))
    after = splits_of(keeper, root)
    assert all(after[path.replace("/", "/z")] == before[path] for path in before.index)
    other = type(keeper)(keeper.home.with_name("other"))
    drawn = other.inventory(root)
    assert drawn["group"].nunique() == 120
    assert drawn.groupby("group")["split"].nunique().max() == 1


def test_another_fraction_moves_nobody(keeper: GateKeeper, image_tree: Tree) -> None:
    """Settings of the split decide about newcomers alone."""
    root = image_tree({"a": 60, "b": 60})
    before = splits_of(keeper, root)
    config = keeper.config(root)
    data = config.data.model_copy(update={"test_fraction": 0.5})
    again = take_inventory(data, seed=42, cache_dir=config.paths.state / "inventory").set_index(
        "path"
    )
    kept = before[before == "test"].index
    assert (again.loc[kept, "split"] == "test").all()


def test_a_torn_record_of_splits_is_kept_and_told(
    keeper: GateKeeper, image_tree: Tree, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not believed, not lost, and the draw gives the same splits again."""
    root = image_tree({"a": 60, "b": 60})
    before = splits_of(keeper, root)
    file = next((keeper.home / "state/inventory").glob("*.splits.parquet"))
    file.write_bytes(file.read_bytes()[:100])
    assert splits_of(keeper, root).equals(before)
    assert f"{file} is damaged and not used" in caplog.text
    assert list(file.parent.glob(f".damaged-*.{file.name}"))


def test_a_lost_record_of_splits_is_recovered(keeper: GateKeeper, image_tree: Tree) -> None:
    """The last inventory remembers them too, also those that a draw would not give again."""
    root = image_tree({"a": 60, "b": 60})
    image_tree({"a": 30}, first=500)
    splits_of(keeper, root)
    image_tree({"a": 100}, first=700)
    before = splits_of(keeper, root)
    next((keeper.home / "state/inventory").glob("*.splits.parquet")).unlink()
    image_tree({"b": 1}, first=900)
    assert splits_of(keeper, root)[before.index].equals(before)


def test_another_seed_draws_anew_in_the_same_home(keeper: GateKeeper, image_tree: Tree) -> None:
    """What is remembered of one seed decides nothing for another."""
    root = image_tree({"a": 60, "b": 60})
    before = splits_of(keeper, root)
    memory = keeper.home / "state/inventory"
    other = take_inventory(keeper.config(root).data, seed=7, cache_dir=memory).set_index("path")
    assert not other["split"].equals(before)
    assert splits_of(keeper, root).equals(before)


def test_explain_says_why(keeper: GateKeeper, image_tree: Tree) -> None:
    """The label, the draw, what was there before, and the group."""
    root = image_tree({"a": 40, "b": 40})
    keeper.inventory(root)
    (root / "a/z.png").write_bytes((root / "a/000.png").read_bytes())
    (root / "b/bad.png").write_bytes(b"")
    config = keeper.config(root)
    told = explain_file(Path("a/z.png"), config)
    first = explain_file(root / "a/000.png", config)
    assert told["split"] == first["split"]
    assert told["group"] == [
        {"path": "a/000.png", "split": first["split"], "how": "exact duplicate"}
    ]
    assert "its folder" in format_explanation(told)
    assert "drawn" in format_explanation(first)
    assert f"since {first['since']}" in format_explanation(first)
    assert "the file is empty" in format_explanation(explain_file(Path("b/bad.png"), config))
    with pytest.raises(UsageError, match=r"No image a/none\.png in .* such as a/000\.png"):
        explain_file(Path("a/none.png"), config)


def test_explain_of_a_given_split(keeper: GateKeeper, image_tree: Tree) -> None:
    """Where the folder says it, the folder is named."""
    image_tree({"train/a": 20, "train/b": 20})
    root = image_tree({"test/a": 10, "test/b": 10}, first=500)
    told = format_explanation(explain_file(Path("test/a/500.png"), keeper.config(root)))
    assert "test: given by the folder or the manifest" in told


def test_nothing_in_a_folder_makes_it_hang_or_fail(keeper: GateKeeper, image_tree: Tree) -> None:
    """Pipes, sockets, links to themselves and names of any bytes are rows with a reason."""
    root = image_tree({"a": 20, "b": 20})
    os.mkfifo(root / "a/pipe.png")
    (root / "a/self.png").symlink_to("self.png")
    (root / "b/loop").symlink_to("../b", target_is_directory=True)
    (root / "b/round").symlink_to("round", target_is_directory=True)
    (root / "b/folder.png").mkdir()
    Path(os.fsdecode(os.fsencode(root) + b"/\xfe\xff")).mkdir()
    Path(os.fsdecode(os.fsencode(root) + b"/\xfe\xff/\x80.png")).write_bytes(b"x")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(os.fsencode(root / "b/socket.png"))
        inventory = keeper.inventory(root).set_index("path")
    errors = inventory["error"].dropna()
    assert set(errors.index) == {"a/pipe.png", "a/self.png", "b/socket.png", "\\xfe\\xff/\\x80.png"}
    assert "symbolic links" in errors["a/self.png"]
    assert "not a regular file" in errors["b/socket.png"]
    verdict = keeper.judge(root)
    assert not verdict.accepted
    assert "a/pipe.png" in verdict.details
