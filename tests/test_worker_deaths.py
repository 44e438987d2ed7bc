"""Worker processes that die: the file that ended them is named, and the other files are read."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from tasks.config.data import DataConfig
from tasks.errors import PixelgateError
from tasks.generators.decode_cache import Source, decode_once
from tasks.generators.decoding import Decoding
from tasks.inventory.scan import take_inventory
from tasks.reporting import gallery
from tasks.runtime import isolation
from tasks.runtime.parallel import in_chunks, map_chunks
from tests.fatal_files import DiesOnce, FatalDecoding, FatalSink, double, draw_or_die

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.image_trees import Tree


@pytest.fixture(autouse=True)
def small_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start a pool for a few files, in chunks of five."""
    monkeypatch.setattr("tasks.runtime.parallel.FILES_WORTH_A_POOL", 10)
    monkeypatch.setattr("tasks.runtime.parallel.CHUNK", 5)


def named(number: int, reason: str) -> list[int | str]:
    """Return the result for a number that ended its process."""
    return [f"{number} {reason}"]


def doubled(fatal: Mapping[int, int], workers: int = 2) -> list[int | str]:
    """Double the first numbers in other processes; a lost one gives its signal."""
    calls = [(fatal, chunk) for _, chunk in in_chunks(list(range(60)))]
    results = map_chunks(double, calls, total=60, workers=workers, lost=named)
    return [value for values in results for value in values]


@pytest.mark.parametrize("workers", [1, 2])
def test_every_file_but_the_fatal_ones_is_processed_in_order(workers: int) -> None:
    """Whatever the signal, and wherever in the chunk the file is."""
    fatal = {0: signal.SIGSEGV, 7: signal.SIGKILL, 8: signal.SIGABRT, 59: signal.SIGSEGV}
    expected = [
        f"{number} {signal.Signals(fatal[number]).name}" if number in fatal else 2 * number
        for number in range(60)
    ]
    assert doubled(fatal, workers) == expected


def test_a_process_that_dies_once_loses_no_file(tmp_path: Path) -> None:
    """The same chunk is fine when it is read again."""
    calls = [(None, chunk) for _, chunk in in_chunks(list(range(60)))]
    results = map_chunks(
        DiesOnce(tmp_path / "flag"), calls, total=60, workers=2, lost=lambda *_: [-1]
    )
    assert [value for values in results for value in values] == list(range(60))


def test_too_many_deaths_are_no_fault_of_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """If file after file ends its process, the message says what to check."""
    monkeypatch.setattr(isolation, "MAX_LOST", 2)
    with pytest.raises(PixelgateError, match=r"More than 2 files .* SIGSEGV.* memory"):
        doubled(dict.fromkeys(range(60), signal.SIGSEGV))


@pytest.mark.parametrize("pool", [10, 1_000], ids=["pool", "few files"])
def test_the_inventory_has_a_row_with_the_reason(
    image_tree: Tree, monkeypatch: pytest.MonkeyPatch, pool: int
) -> None:
    """One file ends its process; every other row is as without it."""
    monkeypatch.setattr("tasks.runtime.parallel.FILES_WORTH_A_POOL", pool)
    monkeypatch.setattr("tasks.runtime.parallel.CHUNKS_WORTH_A_POOL", pool)
    root = image_tree({"a": 20, "b": 20})
    data = DataConfig(directory=root, workers=2)
    whole = take_inventory(data, seed=42)
    inventory = take_inventory(data, seed=42, eager_decoder=FatalSink(27))
    lost = inventory.iloc[27]
    assert lost.path == "b/007.png"
    assert lost.error == "reading it ended the process (SIGSEGV); the file was left out"
    columns = ["path", "sha256", "pixel_hash", "error"]
    pd.testing.assert_frame_equal(inventory[columns].drop(27), whole[columns].drop(27))


@pytest.mark.parametrize("workers", [1, 2])
def test_the_decode_cache_names_the_file(image_tree: Tree, workers: int) -> None:
    """An image of the inventory can't be left out any more: the run ends with its name."""
    root = image_tree({"a": 20, "b": 20})
    inventory = take_inventory(DataConfig(directory=root, workers=2), seed=42)
    folder, source = root.parent / "decoded", Source(root, 10**6, workers=workers)
    (root / "a/004.png").rename(root / "a/fatal.png")
    renamed = inventory.assign(path=inventory["path"].replace("a/004.png", "a/fatal.png"))
    with pytest.raises(PixelgateError, match=r"Decoding a/fatal\.png ended .*SIGSEGV.* Remove"):
        decode_once(renamed, FatalDecoding((8, 8), "grayscale", "stretch"), source, folder=folder)
    assert not list(folder.glob("*"))
    array = decode_once(renamed, Decoding((8, 8), "grayscale", "stretch"), source, folder=folder)
    assert np.load(array).shape == (40, 8, 8, 1)


def test_the_gallery_shows_the_other_files(
    image_tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What breaks a rule may be a file that crashes its decoder; the report is written."""
    monkeypatch.setattr("tasks.reporting.gallery.draw_thumbnails", draw_or_die)
    root = image_tree({"a": 2, "b": 1})
    (root / "b/000.png").rename(root / "b/fatal.png")
    items: list[dict[str, str | None]] = [
        {"path": path} for path in ("a/001.png", "b/fatal.png", "a/000.png", "a/001.png")
    ]
    gallery.add_thumbnails(items, root, 10**6)
    assert [item["url"] is None for item in items] == [False, True, False, False]
    assert items[0]["url"] == items[3]["url"] != items[2]["url"]
