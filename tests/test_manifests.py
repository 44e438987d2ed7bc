"""Manifests: what is wrong with one is said in a sentence; what only looks odd is read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from tasks.config.data import DataConfig
from tasks.errors import DataFolderError
from tasks.inventory.manifests import read_manifest
from tasks.inventory.scan import take_inventory

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command_line import Command
    from tests.image_trees import Tree

NAMES = ("000", "001", "002")


def written(root: Path, text: str | bytes) -> Path:
    """Write a manifest into a data folder."""
    manifest = root / "labels.csv"
    manifest.write_bytes(text if isinstance(text, bytes) else text.encode())
    return manifest


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("../outside.png,x", r"row 4 leaves the data folder: \.\./outside\.png\. Paths are rel"),
        ("pics/../../outside.png,x", r"row 4 leaves the data folder: pics/\.\./\.\./outside\.png"),
        ("..,x", r"row 4 leaves the data folder: \.\.\."),
        (
            "/data/a.png,x\n/data/b.png,x",
            r"row 4 is absolute: /data/a\.png, and 1 more rows like it\. Paths are relative to the",
        ),
        (r"C:\data\a.png,x", r"row 4 is absolute: C:\\data\\a\.png\. Paths are relative"),
        (r"\\server\a.png,x", r"row 4 is absolute: "),
        (r"pics\003.png,x", r"row 4 has a backslash and names no file: pics\\003\.png\. Write /"),
        ("pics/../pics/000.png,x", r"occur twice: pics/000\.png \(row 1\), pics/000\.png \(row 4"),
        (".//pics//001.png,x", r"occur twice: pics/001\.png \(row 2\), pics/001\.png \(row 4\)"),
        (",x", r"rows without a path"),
        ("pics/003.png,x,more", r"can't be read: .*Expected 2 fields in line 5, saw 3"),
    ],
)
def test_a_path_that_is_none_below_the_folder_is_refused(
    image_tree: Tree, rows: str, message: str
) -> None:
    """One sentence names the row, the path and the remedy, however many rows there are."""
    root = image_tree({"pics": 5})
    (root.parent / "outside.png").write_bytes((root / "pics/000.png").read_bytes())
    good = "".join(f"pics/{name}.png,x\n" for name in NAMES)
    with pytest.raises(DataFolderError, match=message) as raised:
        take_inventory(DataConfig(directory=written(root, f"path,label\n{good}{rows}\n")), seed=42)
    assert "\n" not in str(raised.value)
    assert str(root / "labels.csv") in str(raised.value)


@pytest.mark.parametrize(("separator", "noun"), [(";", "semicolons"), ("\t", "tabs")])
def test_another_separator_is_named(image_tree: Tree, separator: str, noun: str) -> None:
    """A file saved by a spreadsheet in another language is recognized."""
    text = f"path{separator}label\npics/000.png{separator}x\n"
    with pytest.raises(DataFolderError, match=f"separated by {noun}; save it with commas"):
        read_manifest(written(image_tree({"pics": 1}), text), image_tree({"pics": 1}))


@pytest.mark.parametrize("header", ["path,label,label", "path, Label ,label", "Path,label,path"])
def test_a_column_that_stands_twice_is_refused(image_tree: Tree, header: str) -> None:
    """Which of the two is meant can't be known."""
    root = image_tree({"pics": 1})
    with pytest.raises(DataFolderError, match=r"more than one column (label|path); keep one"):
        read_manifest(written(root, f"{header}\npics/000.png,x,y\n"), root)
    table = pd.DataFrame([["pics/000.png", "x", "y"]], columns=["path", "label", "LABEL"])
    table.to_parquet(root / "labels.parquet")
    with pytest.raises(DataFolderError, match="more than one column label"):
        read_manifest(root / "labels.parquet", root)


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfpath,label,split\npics/000.png,x,train\npics/001.png,y,test\n",
        b'\xef\xbb\xbf"path","label","split"\n"pics/000.png",x,train\npics/001.png,y,test\n',
        b"path,label,split\r\npics/000.png,x,train\r\npics/001.png,y,test\r\n",
        b"PATH,Label,SPLIT\npics/000.png,x,Train\npics/001.png,y,TEST\n",
        b" path , label , split \npics/000.png, x, train \n\n\npics/001.png, y, test\n",
        b"\n\nid,path,id,split,label\n1,pics/000.png,2,train,x\n3,pics/001.png,4,test,y\n\n",
        b"path,label,split\n./pics/000.png,x,train\npics/../pics/001.png,y,test",
    ],
)
def test_what_only_looks_odd_is_read(image_tree: Tree, text: bytes) -> None:
    """Byte order marks, line ends, quotes, case, blanks and further columns change nothing."""
    root = image_tree({"pics": 2})
    inventory = take_inventory(DataConfig(directory=written(root, text)), seed=42)
    assert inventory[["path", "label", "split"]].to_numpy().tolist() == [
        ["pics/000.png", "x", "train"],
        ["pics/001.png", "y", "test"],
    ]
    assert inventory["error"].isna().all()


def test_a_link_that_leads_outside_is_followed(image_tree: Tree) -> None:
    """Links are the user's own arrangement; a backslash in an existing name is too."""
    root = image_tree({"pics": 2})
    elsewhere = image_tree({"more": 1}, under="elsewhere")
    (root / "linked").symlink_to(elsewhere / "more", target_is_directory=True)
    (root / "pics/001.png").rename(root / r"pics\001.png")
    text = "path,label\npics/000.png,x\nlinked/000.png,x\npics\\001.png,x\n"
    assert take_inventory(DataConfig(directory=written(root, text)), seed=42)["error"].isna().all()


def test_a_manifest_that_is_no_text_says_which_encoding(tmp_path: Path) -> None:
    """A spreadsheet's own encodings are refused by name."""
    manifest = written(tmp_path, "path,label\nd\xe9j\xe0.png,x\n".encode("utf-16"))
    with pytest.raises(DataFolderError, match="is not in UTF-8; save it as UTF-8"):
        read_manifest(manifest, tmp_path)


def test_an_inventory_without_a_readable_image_is_no_success(
    pixelgate: Command, image_tree: Tree
) -> None:
    """The table is printed, and exit code 3 says that the data is of no use."""
    root = image_tree({"a": 3, "b": 2})
    for file in root.rglob("*.png"):
        file.write_text("no image")
    ended = pixelgate("inventory", root)
    assert ended.code == 3
    message = f"None of the 5 images under {re.escape(str(root))} can be read, such as a/000.png:"
    assert re.search(message, " ".join(ended.err.split()))
    assert pixelgate("inventory", root, "--json").code == 3
    image_tree({"a": 1})
    assert pixelgate("inventory", root).code == 0


@pytest.mark.parametrize(
    ("text", "beside", "expected"),
    [
        ("id,breed\n000,pug\n001,boxer\n002,pug\n", {}, ["pug", "boxer", "pug"]),
        ("filename,label\n000.png,x\n001.png,y\n002.png,x\n", {}, ["x", "y", "x"]),
        ("image_id,age,dx\n000,40,nv\n001,50,mel\n002,40,nv\n", {}, ["nv", "mel", "nv"]),
        ("img,pug,boxer\n000,1,0\n001,0,1\n002,1,0\n", {}, ["pug", "boxer", "pug"]),
        ("path,label\npics/000,x\npics/001,y\npics/002,x\n", {}, ["x", "y", "x"]),
        ("path,label\n000.png,x\n001.png,y\n002.png,x\n", {}, ["x", "y", "x"]),
        ("path,label\npics/000.png,0\npics/001.png,1\n", {"classes.txt": "a\nb\n"}, ["a", "b"]),
        ("path,label\npics/000.png,1\npics/001.png,2\n", {"labels.txt": "1 a\n2 b\n"}, ["a", "b"]),
        ("file,target\n000,1\n001,2\n", {"names.json": '["a", "b"]'}, ["a", "b"]),
        ("file,target\n000,0\n001,1\n", {"idx.json": '{"a": 0, "b": 1}'}, ["a", "b"]),
        ("file,target\n000,0\n001,1\n", {"names.csv": "id,name\n0,a\n1,b\n"}, ["a", "b"]),
        ("Image Index;Klasse\n", {}, "separated by semicolons"),
        ("a,b\n1,2\n3,4\n", {}, r"none of its columns names the images\. Name them, as in data"),
        ("file,p,q\n000,r,s\n001,t,u\n002,r,u\n", {}, r"label can't be told: p, q; write data\.c"),
        ("file,p,q\n000,1,1\n001,0,1\n002,1,0\n", {}, r"it has 1 row with several classes at once"),
    ],
)  # fmt: skip
def test_other_columns_are_recognized_or_named(
    image_tree: Tree, text: str, beside: dict[str, str], expected: list[str] | str
) -> None:
    """Ids without extension, one column a class, numbered classes with a file of their names."""
    root = image_tree({"pics": 3})
    for name, content in beside.items():
        (root / name).write_text(content)
    manifest = written(root, text)
    if isinstance(expected, str):
        with pytest.raises(DataFolderError, match=expected):
            read_manifest(manifest, root)
        return
    frame = read_manifest(manifest, root)
    assert frame["label"].tolist() == expected
    assert frame["path"].tolist() == [f"pics/{name}.png" for name in NAMES[: len(expected)]]


def test_columns_can_be_named(image_tree: Tree) -> None:
    """The user's names go before what could be recognized."""
    root = image_tree({"pics": 2})
    text = "path,label,fold,species\npics/000.png,x,train,cat\npics/001.png,y,valid,dog\n"
    manifest = written(root, text)
    frame = read_manifest(manifest, root, {"label": "species", "split": "FOLD"})
    assert frame["label"].tolist() == ["cat", "dog"]
    assert frame["split"].tolist() == ["train", "validation"]
    with pytest.raises(DataFolderError, match=r"no column kind, which data\.columns names"):
        read_manifest(manifest, root, {"label": "kind"})
