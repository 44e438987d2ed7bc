"""Layouts: every folder that docs/gate.md draws, and many more, is read rightly or refused."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tasks.config.data import DataConfig
from tasks.errors import DataFolderError
from tasks.inventory.layouts import read_layout
from tasks.inventory.reading_summary import describe_reading
from tasks.inventory.scan import take_inventory
from tests.folder_drawings import Drawing, drawings, plant
from tests.public_sets import PUBLIC, counts_of, write_files

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command_line import Command
    from tests.public_sets import Content


SPLIT = {"test/a": 2, "test/b": 2, "train/a": 2, "train/b": 2}


def said_of(root: Path, settings: dict[str, object]) -> list[str]:
    """Return the sentence and the notes about a folder, or the error, as the page has them."""
    try:
        facts = describe_reading(read_layout(root, DataConfig(directory=root, **settings)))
    except DataFolderError as error:
        lines = [f"Error: {error}"]
    else:
        lines = [facts["sentence"], *(f"note: {note}" for note in facts["notes"])]
    return [line.replace(str(root), "photos") for line in lines]


@pytest.mark.parametrize("drawing", drawings(), ids=lambda drawing: drawing.title[:40])
def test_the_page_says_what_is_said(tmp_path: Path, drawing: Drawing) -> None:
    """Each drawing of docs/gate.md is made, read, and compared with its quotation."""
    root = plant(drawing.tree, tmp_path)
    assert [line for line in said_of(root, drawing.settings) if line] == drawing.said


@pytest.mark.parametrize("name", PUBLIC)
def test_public_data_sets_are_read_as_they_are_unpacked(tmp_path: Path, name: str) -> None:
    """The folders and tables of data sets that many people have."""
    content, expected = PUBLIC[name]
    assert counts_of(write_files(tmp_path, content)) == expected


@pytest.mark.parametrize(
    ("train", "other", "split"),
    [
        ("Train", "Test", "test"), ("TRAINING", "TESTING", "test"),
        ("training_set", "test_set", "test"), ("seg_train", "seg_test", "test"),
        ("training", "test1", "test"), ("train_images", "eval", "validation"),
        ("Treino", "Teste", "test"), ("训练集", "验证集", "validation"),
        ("Training Data", "Testing Data", "test"), ("X_train", "X_test", "test"),
        ("train-set", "valset", "validation"),
        ("train_imgs", "test_imgs", "test"), ("images_train", "images_val", "validation"),
        ("train2017", "val2017", "validation"), ("TrainData", "HoldOut", "test"),
        ("training_images_224x224", "hold-out", "test"), ("01_train", "02_eval", "validation"),
        ("train.v2", "dev", "validation"), ("trainset", "testset", "test"),
        ("train_val", "test2", "test"),
        ("trainval", "TEST_SET", "test"), ("Train Images", "Validation Images", "validation"),
        ("labelled_train", "evaluation", "validation"), ("stage1_train", "stage1_test", "test"),
        ("cars_train", "cars_test", "test"), ("train_resized", "valid_resized", "validation"),
    ],
)  # fmt: skip
def test_splits_are_known_by_any_common_name(
    tmp_path: Path, train: str, other: str, split: str
) -> None:
    """In any case, with the usual words before, behind and glued to it."""
    root = write_files(
        tmp_path, {f"{folder}/{name}/#.png": 2 for folder in (train, other) for name in "ab"}
    )
    assert counts_of(root) == {f"{split}/a": 2, f"{split}/b": 2, "train/a": 2, "train/b": 2}


@pytest.mark.parametrize(
    "classes",
    [("train", "bus"), ("test tube", "flask"), ("valid", "invalid"), ("dev", "ops", "sales"),
     ("crash-test", "test-drive"), ("train", "Tram", "plane"), ("mask", "no_mask"),
     ("images", "drawings"), ("left", "right"), ("1", "2"),
     ("unknown", "cat"), ("photo", "sketch"), ("2023", "2024"), ("nan", "NA", "None", "null"),
     ("Häuser", "犬", "my cat ", "dog."), ("cat.jpg", "dog.png"), ("01", "1"), ("Cat", "cat"),
     ("tools", "models", "videos"), ("background", "cat"), ("positive", "negative")],
)  # fmt: skip
def test_classes_may_have_such_names(tmp_path: Path, classes: tuple[str, ...]) -> None:
    """What is beside a folder decides, not its name alone."""
    root = write_files(tmp_path, {f"{name}/#.png": 3 for name in classes})
    assert counts_of(root) == {f"-/{name}": 3 for name in sorted(classes)}


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (["train/#.png", "test/#.png"], r"6 images in train/, test/ under .* has a label"),
        (["train/a/#.png", "train/b/#.png", "more/a/#.png"], r"split_folders = .*\"more\" = "),
        (["train/a/#.png", "train/b/#.png", "bus/#.png"], r"leave_out = \[\"bus\"\]"),
        (["train/a/#.png", "train/b/#.png", "gallery/a/#.png", "query/a/#.png"],
         r"leave_out = \[\"gallery\", \"query\"\]"),
        (["n01_#.png", "n02_#.png"], r"\[a-z\]\+\\d\+\)_'"),
        (["trainA/#.png", "testA/#.png", "testB/#.png"], r"layout = \"class\" if they are the"),
        (["new/a/#.png", "new/b/#.png", "old/a/#.png", "old/b/#.png"], r"label_folder = \"fir"),
        (["p/train/a/#.png", "p/test/a/#.png", "q/train/a/#.png", "q/test/a/#.png"],
         "several data sets"),
        (["train/#.png", "test/a/#.png", "test/b/#.png"], r"3 images in train/ under .* has"),
        (["images/#.png", "masks/#.png"], r"3 images in images/ under .* has a label"),
        (["part_1/#.png", "part_2/#.png"], r"named as parts of one whole"),
        (["batch1/#.png", "batch2/#.png"], r"data\.layout = \"class\""),
    ],
)  # fmt: skip
def test_what_is_not_certain_ends_with_a_setting(
    tmp_path: Path, folders: list[str], message: str
) -> None:
    """Splits are never taken for classes: one message says what was seen and what to write."""
    root = write_files(tmp_path, dict.fromkeys(folders, 3))
    with pytest.raises(DataFolderError, match=message) as raised:
        counts_of(root)
    assert "\n" not in str(raised.value)
    assert "data." in str(raised.value) or "Give one" in str(raised.value)


AB = {"-/a": 6, "-/b": 6}


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (["2023/a", "2023/b", "2024/a", "2024/b"], AB),
        (["a/2023", "a/2024", "b/2023", "b/2024"], AB),
        (["a/clip_1", "a/clip_2", "b/clip_1", "b/clip_2"], AB),
        (["fold1/a", "fold2/a", "fold1/b", "fold2/b"], AB),
        (["a/images", "a/masks", "b/images", "b/masks"], {"-/a": 3, "-/b": 3}),
        (["data/a", "data/b", "docs", "figures"], {"-/a": 3, "-/b": 3}),
        (["a", "b", "unlabelled"], {"-/a": 3, "-/b": 3}),
        (["a", "b", "no_label"], {"-/a": 3, "-/b": 3}),
        (["train/a", "train/b", "train/unsup", "test/a", "test/b"],
         "test/a test/b train/a train/b"),
        (["train/a", "train/b", "test/a", "test/b", "pred"], "test/a test/b train/a train/b"),
        (["a_train", "b_train", "a_val", "b_val"], "train/a train/b validation/a validation/b"),
        (["TrainA", "TrainB", "TestA", "TestB"], "test/A test/B train/A train/B"),
        (["train/a-train", "train/b-train", "test/a-test", "test/b-test"],
         "test/a test/b train/a train/b"),
        (["train/train car", "train/train bus", "test/train car", "test/train bus"],
         "test/train bus test/train car train/train bus train/train car"),
        (["train/a", "train/b"], "train/a train/b"),
        (["train/good", "test/good", "test/bad", "ground_truth/bad"],
         "test/bad test/good train/good"),
        (["a/b/c/cat", "a/b/c/dog"], "-/cat -/dog"),
    ],
)  # fmt: skip
def test_what_people_have_beside_and_between_the_classes(
    tmp_path: Path, folders: list[str], expected: dict[str, int] | str
) -> None:
    """Years, parts, masks, figures, unlabelled images, splits in the names of classes."""
    root = write_files(tmp_path, {f"{folder}/#.png": 3 for folder in folders})
    if isinstance(expected, str):
        expected = dict.fromkeys(re.findall(r"\S+/[^/]+?(?= \S+/|$)", expected), 3)
    assert counts_of(root) == expected


def test_links_are_followed_once_and_what_leads_nowhere_is_named(tmp_path: Path) -> None:
    """A class folder may be a link; a second way to the same files is none."""
    write_files(tmp_path / "store", {"cat/#.png": 3, "dog/#.png": 3})
    root = write_files(tmp_path / "photos", {"elk/#.png": 3})
    (root / "cat").symlink_to(tmp_path / "store/cat")
    (root / "dog").symlink_to(tmp_path / "store/dog")
    (root / "a deer").symlink_to(root / "elk")
    (root / "fox").symlink_to(tmp_path / "unmounted/fox")
    (root / "loop").symlink_to(root)
    assert counts_of(root) == {"-/cat": 3, "-/dog": 3, "-/elk": 3}
    said = said_of(root, {})
    assert "note: Left out as links to folders that are read anyway: a deer, loop." in said
    assert "note: Passed over: 1 no extension, a link that leads nowhere." in said


def test_masks_between_the_images_are_read_where_the_layout_is_named(tmp_path: Path) -> None:
    """With a note about them."""
    root = write_files(
        tmp_path,
        {
            f"{name}/{name} (#){end}.png": 4
            for name in ("benign", "normal")
            for end in ("", "_mask")
        },
    )
    assert counts_of(root) == {"-/benign": 4, "-/normal": 4}
    assert counts_of(root, layout="class") == {"-/benign": 8, "-/normal": 8}
    assert '"*mask*"' in said_of(root, {"layout": "class"})[1]
    assert counts_of(root, layout="class", leave_out=["*mask*"]) == {"-/benign": 4, "-/normal": 4}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"label_folder": "first"}, {"-/new": 4, "-/old": 4}),
        ({"label_folder": "last"}, {"-/a": 4, "-/b": 4}),
        ({"leave_out": ["old"]}, {"-/a": 2, "-/b": 2}),
        ({"split_folders": {"new": "train", "old": "test"}}, SPLIT),
        ({"layout": "class"}, {"-/new": 4, "-/old": 4}),
        ({"layout": "split", "split_folders": {"new": "train", "old": "test"}}, SPLIT),
        ({"label_pattern": r"^\w+/(?P<label>\w)/"}, {"-/a": 4, "-/b": 4}),
    ],
)  # fmt: skip
def test_every_setting_that_a_message_names_works(
    tmp_path: Path, settings: dict[str, object], expected: dict[str, int]
) -> None:
    """The same folder, read in each of the ways that the error offers."""
    content: Content = {f"{top}/{name}/#.png": 2 for top in ("new", "old") for name in "ab"}
    root = write_files(tmp_path, content)
    assert counts_of(root, **settings) == expected


def test_the_first_line_says_how_the_folder_was_read(pixelgate: Command, tmp_path: Path) -> None:
    """Before any image is decoded, from the cache too, and as a fact in the JSON."""
    content: Content = {f"{top}/{name}/#.png": 3 for top in ("train", "test1") for name in "ab"}
    root = write_files(tmp_path / "photos", {**content, "pred/#.png": 2, "train/a/x.svg": "<svg/>"})
    sentence = (
        "12 images in 2 classes (a, b), layout train/test (folders train, test1); left out: pred (2"
        " images without labels); 1 file passed over (.svg 1)"
    )
    for _ in range(2):
        ended = pixelgate("inventory", root)
        assert ended.code == 0
        assert sentence in " ".join(ended.err.split("\n", 1)[0].split())
    assert json.loads(pixelgate("inventory", root, "--json").out)["sentence"] == sentence


def test_what_is_left_out_later_changes_the_cached_inventory(tmp_path: Path) -> None:
    """Another folder beside the same files may make them another data set."""
    root = write_files(tmp_path / "photos", {"train/#.png": 3, "bus/#.png": 3})
    settings = DataConfig(directory=root)

    def labels() -> set[str]:
        return set(take_inventory(settings, seed=1, cache_dir=tmp_path / "cache")["label"])

    assert labels() == labels() == {"train", "bus"}
    write_files(root, {"labels.csv": "id,kind\n"})
    assert labels() == {"train", "bus"}
    (root / "train").rename(root / "tram")
    assert labels() == {"tram", "bus"}
