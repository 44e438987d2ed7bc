"""The inventory's memory: unchanged files are not read again, and nothing wrong is believed."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import ndimage

from tasks.config.data import DataConfig
from tasks.inventory import scan
from tasks.inventory.image_file import read_images
from tasks.inventory.reading import read_files
from tasks.runtime.parallel import map_chunks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.image_trees import Tree


@pytest.fixture
def read_paths(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the list of the files that are given to the processes that read."""
    read: list[str] = []

    def watched(root: Path, paths: pd.Series, *others: Any) -> object:
        read.extend(paths)
        return read_files(root, paths, *others)

    monkeypatch.setattr(scan, "read_files", watched)
    return read


def inventory_of(root: Path, **data: object) -> pd.DataFrame:
    """Take inventory with a cache beside the data."""
    settings = DataConfig(directory=root, **data)
    return scan.take_inventory(settings, seed=42, cache_dir=root.parent / "memory")


def test_only_what_moved_is_read_again(image_tree: Tree, read_paths: list[str]) -> None:
    """A changed, a new and a renamed file are read; the frame is that of a fresh look."""
    root = image_tree()
    inventory_of(root)
    assert len(read_paths) == 80
    read_paths.clear()
    inventory_of(root)
    assert read_paths == []
    (root / "cat/000.png").write_bytes((root / "dog/000.png").read_bytes() + b"more")
    (root / "cat/new.png").write_bytes((root / "cat/001.png").read_bytes())
    (root / "cat/002.png").rename(root / "cat/renamed.png")
    (root / "cat/003.png").unlink()
    again = inventory_of(root)
    assert sorted(read_paths) == ["cat/000.png", "cat/new.png", "cat/renamed.png"]
    fresh = scan.take_inventory(DataConfig(directory=root), seed=42)
    read = [name for name in again if name != "split"]
    pd.testing.assert_frame_equal(again[read], fresh[read])


def test_a_new_time_alone_is_read_again(image_tree: Tree, read_paths: list[str]) -> None:
    """The same size at another time may hold other pixels."""
    root = image_tree()
    inventory_of(root)
    read_paths.clear()
    os.utime(root / "dog/005.png", ns=(1, 1))
    inventory_of(root)
    assert read_paths == ["dog/005.png"]


def test_bad_files_are_remembered_too(image_tree: Tree, read_paths: list[str]) -> None:
    """A file that can't be read is not tried again until it changes."""
    root = image_tree()
    (root / "cat/bad.png").write_bytes(b"no image")
    first = inventory_of(root)
    read_paths.clear()
    again = inventory_of(root)
    pd.testing.assert_frame_equal(again, first)
    assert again.attrs == first.attrs
    assert read_paths == []


def cache_of(root: Path) -> Path:
    """Return the cache of the inventory beside the data."""
    return next((root.parent / "memory").glob("*[0-9a-f]-*.parquet"))


def test_other_labels_of_the_same_files_are_seen(image_tree: Tree, read_paths: list[str]) -> None:
    """A manifest that says something else is read, though no image is."""
    root = image_tree({"any": 12})
    table = pd.DataFrame({"path": [f"any/{n:03d}.png" for n in range(12)], "label": ["a", "b"] * 6})
    table.to_csv(root / "labels.csv", index=False)
    settings = DataConfig(directory=root, manifest=root / "labels.csv")

    def labels() -> list[str]:
        inventory = scan.take_inventory(settings, seed=42, cache_dir=root.parent / "memory")
        return inventory["label"].tolist()

    assert labels() == ["a", "b"] * 6
    read_paths.clear()
    table.assign(label="c").to_csv(root / "labels.csv", index=False)
    assert labels() == ["c"] * 12
    assert read_paths == []


def test_a_pair_is_compared_once(image_tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Near-duplicates are confirmed on their files when they are new, and then remembered."""
    compared: list[tuple[str, str]] = []

    def watched(function: Any, calls: Any, **options: Any) -> Any:
        compared.extend((first, second) for _, pairs, _ in calls for first, second, _ in pairs)
        return map_chunks(function, calls, **options)

    monkeypatch.setattr("tasks.inventory.pair_answers.map_chunks", watched)
    root = image_tree()

    def brighten(name: str, by: int) -> None:
        with Image.open(root / "cat/000.png") as image:
            brighter = image.point(lambda value: min(255, value + by))
        brighter.save(root / name)

    brighten("cat/near.png", 5)
    first = inventory_of(root)
    assert compared == [("cat/000.png", "cat/near.png")]
    compared.clear()
    noise = np.random.default_rng(0).integers(0, 255, (16, 16), dtype=np.uint8)
    Image.fromarray(noise).save(root / "dog/unlike.png")
    assert inventory_of(root)["group"].notna().sum() == 2
    assert compared == []
    brighten("dog/nearer.png", 7)
    again = inventory_of(root).set_index("path")["group"]
    assert {name for pair in compared for name in pair} >= {"dog/nearer.png"}
    assert ("cat/000.png", "cat/near.png") not in compared
    assert again["dog/nearer.png"] == "cat/000.png"
    assert first.set_index("path")["group"]["cat/near.png"] == "cat/000.png"
    compared.clear()
    for file in (root.parent / "memory").glob("pairs-*.parquet"):
        file.write_bytes(b"torn")
    (root / "cat/001.png").unlink()
    assert inventory_of(root)["group"].notna().sum() == 3
    assert len(compared) == 3


def tear(file: Path) -> None:
    """Cut the cache in half."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def sha256_of(file: Path) -> str:
    """Return the hash of a file's bytes."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def lie(file: Path) -> None:
    """Alter a value in a cache that is otherwise whole."""
    known = pd.read_parquet(file)
    known.loc[3, "sha256"] = "0" * 64
    known.to_parquet(file)


def age(file: Path) -> None:
    """Make it one of another version."""
    known = pd.read_parquet(file)
    known.attrs |= {"images": "older", "whole": "older"}
    known.to_parquet(file)
    file.rename(file.with_name(f"{file.stem.split('-')[0]}-{sha256_of(file)}.parquet"))


@pytest.mark.parametrize("harm", [tear, lie, age])
def test_a_cache_that_is_wrong_is_written_anew(
    image_tree: Tree, read_paths: list[str], harm: Callable[[Path], None]
) -> None:
    """Torn, altered or old: all files are read, and the next time none."""
    root = image_tree()
    first = inventory_of(root)
    harm(cache_of(root))
    read_paths.clear()
    pd.testing.assert_frame_equal(inventory_of(root), first)
    assert len(read_paths) == 80
    read_paths.clear()
    inventory_of(root)
    assert read_paths == []


def test_another_limit_of_pixels_reads_again(image_tree: Tree, read_paths: list[str]) -> None:
    """What was a bomb under one limit may be none under another."""
    root = image_tree()
    assert inventory_of(root, max_pixels=100)["error"].notna().all()
    read_paths.clear()
    assert inventory_of(root, max_pixels=1000)["error"].isna().all()
    assert len(read_paths) == 80


def test_the_measures_agree_with_numpy_and_scipy(tmp_path: Path) -> None:
    """Brightness, contrast, sharpness, entropy and aspect of a known image."""
    pixels = np.random.default_rng(1).integers(0, 255, (20, 30), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    row = read_images(str(tmp_path), ["x.png"], max_pixels=10_000)[0]
    shares = np.bincount(pixels.ravel()) / pixels.size
    edges = ndimage.laplace(pixels.astype(float))[1:-1, 1:-1]
    assert row["brightness"] == pytest.approx(pixels.mean(), rel=1e-5)
    assert row["contrast"] == pytest.approx(pixels.std(), rel=1e-5)
    assert row["sharpness"] == pytest.approx(edges.var(), rel=1e-5)
    assert row["entropy"] == pytest.approx(
        -(shares[shares > 0] * np.log2(shares[shares > 0])).sum()
    )
    assert row["aspect"] == 1.5
    assert len(row["perceptual_hash"]) == 16


@pytest.mark.parametrize(
    ("mode", "name", "expected"),
    [
        ("1", "x.png", {"bit_depth": 1, "format_matches_extension": True}),
        ("L", "x.jpeg", {"bit_depth": 8, "format_matches_extension": True}),
        ("I;16", "x.png", {"bit_depth": 16, "format_matches_extension": True}),
        ("RGB", "x.JPG", {"bit_depth": 8, "format_matches_extension": True}),
        ("RGB", "x.bmp", {"bit_depth": 8, "format_matches_extension": True}),
    ],
)
def test_bit_depth_and_suffix_are_told(
    tmp_path: Path, mode: str, name: str, expected: dict[str, object]
) -> None:
    """As stored, whatever Pillow makes of it."""
    Image.new(mode, (8, 8)).save(tmp_path / name)
    row = read_images(str(tmp_path), [name], max_pixels=10_000)[0]
    assert row["error"] is None
    assert {key: row[key] for key in expected} == expected
