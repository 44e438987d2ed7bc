"""Damaged, false and hostile files: each is a row with a reason, never an exception or a hang."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tasks.config.data import DataConfig
from tasks.drill.planting import open_file
from tasks.generators.decode_cache import Source, decode_once
from tasks.generators.decoding import Decoding
from tasks.inventory.image_file import read_images
from tasks.inventory.scan import take_inventory
from tasks.inventory.similarity import confirm_pairs
from tasks.runtime import parallel

if TYPE_CHECKING:
    from tests.image_trees import Tree


def test_files_that_do_not_decode_get_a_row_with_the_reason(image_tree: Tree) -> None:
    """Damage of any kind is a row with a reason, never an exception or a hang."""
    root = image_tree({"a": 12, "b": 12})
    whole = (root / "a/000.png").read_bytes()
    (root / "a/truncated.png").write_bytes(whole[: len(whole) // 2])
    (root / "a/empty.png").write_bytes(b"")
    (root / "a/text.png").write_text("this is no image")
    os.mkfifo(root / "a/pipe.png")
    (root / "a/broken.png").symlink_to("nowhere.png")
    (root / "a/loop").symlink_to(root, target_is_directory=True)
    Path(os.fsdecode(bytes(root / "a") + b"/\xff.png")).write_bytes(whole)
    inventory = take_inventory(DataConfig(directory=root), seed=42)
    errors = inventory.dropna(subset=["error"]).set_index("path")["error"].to_dict()
    assert errors.pop("a/truncated.png").startswith("image file is truncated")
    assert errors == {
        "a/empty.png": "the file is empty (0 bytes)",
        "a/text.png": "not an image in any known format",
        "a/pipe.png": "not a regular file (a pipe, socket or device); not opened",
        "a/broken.png": "No such file or directory",
        "a/\\xff.png": "the file's name is not valid UTF-8; rename it",
    }
    assert len(inventory) == 30


def test_a_decompression_bomb_is_not_expanded(tmp_path: Path) -> None:
    """An image that declares too many pixels is refused by its header."""
    Image.new("1", (8000, 8000)).save(tmp_path / "bomb.png")
    row = read_images(str(tmp_path), ["bomb.png"], max_pixels=1_000_000)[0]
    assert "8000 x 8000" in row["error"]
    assert row["sha256"]


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tiff", "webp", "gif"])
def test_max_pixels_is_the_only_limit(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow's own limit neither refuses nor warns: ours is higher, lower, or far lower."""
    Image.new("L", (100, 80), 90).save(tmp_path / f"x.{suffix}")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)

    def row_of(max_pixels: int) -> dict[str, Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return read_images(str(tmp_path), [f"x.{suffix}"], max_pixels=max_pixels)[0]

    assert row_of(8_000)["error"] is None
    for too_low in (7_999, 100):
        error = row_of(too_low)["error"]
        assert re.match(r"declares (100 x 80|8000) pixels, more than data\.max_pixels", error)
        assert f"= {too_low} " in error
    assert row_of(8_000)["error"] is None


def test_max_pixels_holds_in_worker_processes_and_for_every_reader(
    image_tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers, the decode cache, near-duplicates and the drill open what the setting allows."""
    # Twice Pillow's own limit, which is where it refuses.
    root, side = image_tree({"a": 3, "b": 3}), 13_500
    huge = Image.new("1", (side, side))
    huge.paste(1, (0, 0, side // 2, side))
    huge.save(root / "a/huge.png")
    monkeypatch.setattr(parallel, "FILES_WORTH_A_POOL", 2)
    monkeypatch.setattr(parallel, "CHUNK", 2)
    data = DataConfig(directory=root, max_pixels=side**2, workers=2)
    inventory = take_inventory(data, seed=42)
    assert inventory["error"].isna().all()
    assert inventory["width"].max() == side
    decoding = Decoding((16, 16), "grayscale", "stretch")
    rows = inventory[inventory["width"] == side]
    array = decode_once(rows, decoding, Source(root, side**2), folder=root.parent / "decoded")
    assert np.load(array).shape == (1, 16, 16, 1)
    assert confirm_pairs(str(root), [("a/huge.png", "a/huge.png")], side**2) == [True]
    with open_file(root / "a/huge.png") as opened:
        assert opened.size == (side, side)


@settings(deadline=None, max_examples=60)
@given(cut=st.integers(0, 2000), flips=st.lists(st.integers(0, 2000), max_size=20))
def test_whatever_the_bytes_there_is_a_row(
    tmp_path_factory: pytest.TempPathFactory, cut: int, flips: list[int]
) -> None:
    """Cut and altered files give a row, with an error or with an image."""
    folder = tmp_path_factory.mktemp("damaged")
    noise = np.random.default_rng(0).integers(0, 255, (24, 24, 3), dtype=np.uint8)
    for suffix in ("png", "jpg", "gif", "tiff", "webp", "bmp"):
        file = folder / f"image.{suffix}"
        Image.fromarray(noise).save(file)
        data = bytearray(file.read_bytes()[: max(1, cut)])
        for place in flips:
            data[place % len(data)] ^= 0xFF
        file.write_bytes(data)
        row = read_images(str(folder), [file.name], max_pixels=10_000_000)[0]
        assert row["error"] or (row["height"] and row["width"])


MAGIC = (
    b"",
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
    b"GIF89a",
    b"BM",
    b"II*\x00",
    b"RIFF\x00\x00\x00\x00WEBP",
    b"P5\n",
    b"\x00\x00\x01\x00",
    b"\x00\x00\x00\x0cjP  \r\n\x87\n",
    b"\x00\x00\x00\x1cftypavif",
)


@settings(deadline=None, max_examples=150)
@given(
    magic=st.sampled_from(MAGIC),
    data=st.binary(max_size=400),
    suffix=st.sampled_from([".png", ".jpg", ".gif", ".tiff", ".tga", ".ico", ".avif", ".mpo"]),
)
def test_any_bytes_at_all_give_a_row(
    tmp_path_factory: pytest.TempPathFactory, magic: bytes, data: bytes, suffix: str
) -> None:
    """Bytes that begin as an image does, and go on as nothing does."""
    folder = tmp_path_factory.getbasetemp() / "bytes"
    folder.mkdir(exist_ok=True)
    (folder / f"x{suffix}").write_bytes(magic + data)
    row = read_images(str(folder), [f"x{suffix}"], 1_000_000)[0]
    assert row["bytes"] == len(magic + data)
    assert row["error"] or {"height", "contrast", "thumbnail", "pixel_hash"} <= set(row)
