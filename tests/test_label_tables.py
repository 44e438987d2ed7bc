"""Tables beside images: of any kind, encoding and shape, read or refused with the reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tasks.errors import DataFolderError
from tests.public_sets import counts_of, write_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COUNT = 6
CAT_DOG = {"-/cat": 3, "-/dog": 3}


def lines(row: Callable[[int], str], head: str = "") -> str:
    """Return a line for each image, below a header."""
    return "\n".join([*filter(None, [head]), *map(row, range(COUNT))]) + "\n"


def label(number: int) -> str:
    """Return the class of an image."""
    return ("cat", "dog")[number % 2]


def coco(of_image: Callable[[int], list[int]]) -> str:
    """Return what programs for labelling export."""
    numbers = range(COUNT)
    return json.dumps(
        {
            "images": [{"id": n, "file_name": f"{n:02d}.png"} for n in numbers],
            "annotations": [
                {"image_id": n, "category_id": c} for n in numbers for c in of_image(n)
            ],
            "categories": [{"id": 7, "name": "cat"}, {"id": 9, "name": "dog"}],
        }
    )


NUMBERED = lines(lambda n: f"{n:02d}.png,{n % 2}", "image,label")
READ: dict[str, tuple[dict[str, str | bytes], dict[str, int]]] = {
    "tabs": ({"labels.tsv": lines(lambda n: f"{n:02d}.png\t{label(n)}", "file\tlabel")}, CAT_DOG),
    "a path from elsewhere": (
        {"labels.csv": lines(lambda n: f"/home/me/x/images/{n:02d}.png,{label(n)}", "path,kind")},
        CAT_DOG,
    ),
    "a path of Windows": (
        {"labels.csv": lines(lambda n: f"C:\\me\\images\\{n:02d}.png,{label(n)}", "path,kind")},
        CAT_DOG,
    ),
    "a spreadsheet's CSV": (
        {"daten.csv": lines(
            lambda n: f"{n:02d};{('Häuser', 'Öl')[n % 2]}", "bild;klasse"
        ).encode("cp1252")},
        {"-/Häuser": 3, "-/Öl": 3},
    ),
    "a spreadsheet's Unicode text": (
        {"labels.txt": lines(lambda n: f"{n:02d}.png\t{label(n)}", "file\tclass").encode("utf-16")},
        CAT_DOG,
    ),
    "a spreadsheet's separator": (
        {"labels.csv": lines(lambda n: f"{n:02d};{label(n)}", "sep=;\nid;kind")},
        CAT_DOG,
    ),
    "a column of yes and no": (
        {"labels.csv": lines(lambda n: f"{n:02d},{label(n)},{n > 3}", "id,label,is_valid")},
        {"train/cat": 2, "train/dog": 2, "validation/cat": 1, "validation/dog": 1},
    ),
    "JSON lines": (
        {"metadata.jsonl": lines(
            lambda n: json.dumps({"file_name": f"{n:02d}.png", "label": label(n)})
        )},
        CAT_DOG,
    ),
    "a JSON object": (
        {"labels.json": json.dumps({f"{n:02d}.png": label(n) for n in range(COUNT)})},
        CAT_DOG,
    ),
    "COCO, a category an image": ({"instances.json": coco(lambda n: [7 + n % 2 * 2] * 2)}, CAT_DOG),
    "rows that repeat": (
        {"boxes.csv": lines(lambda n: f"{n:02d},{label(n)}\n{n:02d},{label(n)}", "image_id,label")},
        CAT_DOG,
    ),
    "one-hot between other columns": (
        {"train.csv": lines(
            lambda n: f"{n},{n:02d},{30 + n},site{n % 3},{n % 2},{1 - n % 2}",
            ",id,age,site,dog,cat",
        )},
        CAT_DOG,
    ),
    "labels that are nearly missing": (
        {"labels.csv": lines(lambda n: f"{n:02d},{('NA', 'None')[n % 2]}", "id,country")},
        {"-/NA": 3, "-/None": 3},
    ),
    "two names of the same classes": (
        {"a.csv": lines(lambda n: f"{n:02d},{label(n)}", "id,label"), "b.csv": NUMBERED},
        CAT_DOG,
    ),
    **{
        f"named by {name}": ({"train.csv": NUMBERED, name: text}, CAT_DOG)
        for name, text in {
            "classes.txt": "cat\ndog\n",
            "labels.txt": "0 cat\n1 dog\n",
            "class_names.json": '["cat", "dog"]',
            "class_to_idx.json": '{"cat": 0, "dog": 1}',
            "idx2label.json": '{"0": "cat", "1": "dog"}',
            "names.csv": "id,name\n0,cat\n1,dog\n",
        }.items()
    },
}  # fmt: skip


def written(root: Path, tables: dict[str, str | bytes]) -> Path:
    """Write images and the tables beside them."""
    write_files(root, {"images/#.png": COUNT})
    for name, text in tables.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return root


@pytest.mark.parametrize("name", READ)
def test_tables_of_any_kind_are_read(tmp_path: Path, name: str) -> None:
    """Whatever program wrote them."""
    tables, expected = READ[name]
    assert counts_of(written(tmp_path, tables)) == expected


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"labels.xlsx": "PK"}, r"labels\.xlsx is of no use: it is a spreadsheet; save it as CSV"),
        ({"x.csv": lines(lambda n: f"{n:02d},1,{n % 2}", "id,cat,dog")},
         r"3 rows with several classes at once \(columns cat, dog\)"),
        ({"x.csv": lines(lambda n: f"{n:02d},{('A|B', 'A', 'B')[n % 3]}", "id,finding")},
         r"2 rows with several classes at once \('A\|B'\).*label = \"finding\""),
        ({"x.csv": lines(lambda n: f"{n:02d},{('cat dog', 'dog', 'cat')[n % 3]}", "id,labels")},
         r"2 rows with several classes at once \('cat dog'\)"),
        ({"x.csv": lines(lambda n: f"{n:02d},cat\n{n:02d},dog", "image_id,label")},
         r"names 6 images more than once with different labels \(images/00\.png: cat, dog\)"),
        ({"instances.json": coco(lambda _: [7, 9])}, r"instances\.json is of no use: it names 6"),
        ({"labels/00.txt": "0 0.5 0.5 0.1 0.2\n1 .5 .5 1 1\n", "labels/01.txt": "1 0.1 0.2 1 1\n"},
         r"labels/00\.txt is of no use: like 1 more it holds boxes of objects"),
        ({"annotations/00.xml": "<annotation><object><name>cat</name></object></annotation>"},
         r"annotations/00\.xml is of no use: it holds boxes of objects"),
        ({"cat_train.txt": lines(lambda n: f"{n:02d} {1 - n % 2 * 2}")},
         r"cat_train\.txt is of no use: it says of each image whether it shows one class"),
        ({"x.csv": lines(lambda n: f"{n:02d},{n // 3}", "image_id,partition")},
         r"which of its columns is the label can't be told: partition"),
        ({"x.csv": lines(lambda n: f"{n:02d},{label(n)},{'xyz'[n % 3]}", "image,coarse,fine")},
         r"coarse, fine; write data\.columns = \{ label = "),
        ({"a.csv": lines(lambda n: f"{n:02d},{label(n)}", "id,label"),
          "b.csv": lines(lambda n: f"{n:02d},{'xyz'[n % 3]}", "id,label")},
         r"a\.csv and b\.csv .* different labels\. Write data\.leave_out = \[\"b\.csv\"\]"),
    ],
)  # fmt: skip
def test_tables_without_one_class_an_image_are_refused_with_the_reason(
    tmp_path: Path, tables: dict[str, str | bytes], message: str
) -> None:
    """Never taken for something they are not."""
    with pytest.raises(DataFolderError, match=message):
        counts_of(written(tmp_path, tables))


def test_a_table_means_the_files_of_its_own_folder(tmp_path: Path) -> None:
    """Where each split has files of the same names."""
    table = lines(lambda n: f"{n:02d}.png,{label(n)}", "name,label")
    root = write_files(
        tmp_path,
        {f"{split}/images/#.png": COUNT for split in ("train", "valid")}
        | {f"{split}/labels.csv": table for split in ("train", "valid")},
    )
    assert counts_of(root) == {
        f"{split}/{name}": 3 for split in ("train", "validation") for name in ("cat", "dog")
    }


def test_folders_that_are_numbers_are_named_by_a_file(tmp_path: Path) -> None:
    """As of flowers102; not by a list of files."""
    content = {
        f"{split}/{number}/#.png": 2 for split in ("train", "valid") for number in (1, 2, 10)
    }
    names = {"1": "primrose", "2": "orchid", "10": "thistle", "11": "iris"}
    root = write_files(
        tmp_path, {**content, "labels.txt": "1/00.png 1\n2/00.png 2\n10/00.png 10\n"}
    )
    assert set(counts_of(root)) == {f"{s}/{n}" for s in ("train", "validation") for n in (1, 2, 10)}
    write_files(root, {"cat_to_name.json": json.dumps(names)})
    assert counts_of(root) == {
        f"{split}/{name}": 2
        for split in ("train", "validation")
        for name in ("orchid", "primrose", "thistle")
    }
    assert "train/10" in counts_of(root, leave_out=["cat_to_name.json"])
