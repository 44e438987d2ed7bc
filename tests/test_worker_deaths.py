"""Worker processes that die: the file that ended them is named, and the other files are read."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from tasks.config.data import DataConfig
from tasks.errors import PixelgateError
from tasks.generators.decode_cache import Source, decode_once
from tasks.generators.decoding import Decoding
from tasks.inventory.scan import take_inventory
from tasks.runtime import isolation
from tasks.runtime.parallel import in_chunks, map_chunks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from PIL import Image

    from tests.image_trees import Tree


@pytest.fixture(autouse=True)
def small_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start a pool for a few files, in chunks of five."""
    monkeypatch.setattr("tasks.runtime.parallel.FILES_WORTH_A_POOL", 10)
    monkeypatch.setattr("tasks.runtime.parallel.CHUNK", 5)


def double(fatal: dict[int, int], numbers: list[int]) -> list[int | str]:
    """Double numbers; a fatal one ends the process by its signal."""
    for number in numbers:
        if number in fatal:
            os.kill(os.getpid(), fatal[number])
    return [2 * number for number in numbers]


def named(number: int, reason: str) -> list[int | str]:
    """Return the result for a number that ended its process."""
    return [f"{number} {reason}"]


def doubled(fatal: dict[int, int], count: int = 60) -> list[int | str]:
    """Double the first numbers in two processes; a lost one gives its signal."""
    calls = [(fatal, chunk) for _, chunk in in_chunks(list(range(count)))]
    results = map_chunks(double, calls, total=count, workers=2, lost=named)
    return [value for values in results for value in values]


@pytest.mark.parametrize(
    "fatal",
    [
        {0: signal.SIGSEGV},
        {59: signal.SIGKILL},
        {7: signal.SIGSEGV, 8: signal.SIGKILL, 44: signal.SIGABRT},
    ],
)
def test_every_file_but_the_fatal_ones_is_processed_in_order(fatal: dict[int, int]) -> None:
    """Whatever the signal, and wherever in the chunk the file is."""
    expected = [
        f"{number} {signal.Signals(fatal[number]).name}" if number in fatal else 2 * number
        for number in range(60)
    ]
    assert doubled(fatal) == expected


@dataclass(frozen=True)
class DiesOnce:
    """Ends the process at the first call ever, as the kernel does when memory is short."""

    flag: Path

    def __call__(self, _: None, numbers: list[int]) -> list[int]:
        """Return the numbers, or die."""
        if 7 in numbers and not self.flag.exists():
            self.flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return numbers


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


@dataclass(frozen=True)
class FatalWriter:
    """Ends the process at one image, as a decoder that crashes does."""

    start: int
    fatal: int

    def __call__(self, index: int, image: Image.Image, sha256: str) -> None:
        """Receive an image."""
        del image, sha256
        if self.start + index == self.fatal:
            os.kill(os.getpid(), signal.SIGSEGV)


@dataclass(frozen=True)
class FatalSink:
    """Receives the images of an inventory."""

    fatal: int

    def begin(self, root: Path, paths: list[str]) -> Callable[[int], FatalWriter]:
        """Return the writer of each chunk."""
        del root, paths
        return self.writer

    def writer(self, start: int) -> FatalWriter:
        """Return a chunk's writer."""
        return FatalWriter(start, self.fatal)


def test_the_inventory_has_a_row_with_the_reason(image_tree: Tree) -> None:
    """One file ends its process; every other row is as without it."""
    root = image_tree({"a": 20, "b": 20})
    data = DataConfig(directory=root, workers=2)
    whole = take_inventory(data, seed=42)
    inventory = take_inventory(data, seed=42, eager_decoder=FatalSink(27))
    lost = inventory.iloc[27]
    assert lost.path == "b/007.png"
    assert lost.error == "reading it ended the process (SIGSEGV); the file was left out"
    columns = ["path", "sha256", "pixel_hash", "error"]
    pd.testing.assert_frame_equal(inventory[columns].drop(27), whole[columns].drop(27))


@dataclass(frozen=True)
class FatalDecoding(Decoding):
    """Ends the process at one file."""

    def read(self, file: Path, sha256: str, max_pixels: int) -> np.ndarray:
        """Decode a file, or die."""
        if file.name == "fatal.png":
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().read(file, sha256, max_pixels)


def test_the_decode_cache_names_the_file(image_tree: Tree) -> None:
    """An image of the inventory can't be left out any more: the run ends with its name."""
    root = image_tree({"a": 20, "b": 20})
    inventory = take_inventory(DataConfig(directory=root, workers=2), seed=42)
    folder, source = root.parent / "decoded", Source(root, 10**6, workers=2)
    (root / "a/004.png").rename(root / "a/fatal.png")
    renamed = inventory.assign(path=inventory["path"].replace("a/004.png", "a/fatal.png"))
    with pytest.raises(PixelgateError, match=r"Decoding a/fatal\.png ended .*SIGSEGV.* Remove"):
        decode_once(renamed, FatalDecoding((8, 8), "grayscale", "stretch"), source, folder=folder)
    assert not list(folder.glob("*"))
    array = decode_once(renamed, Decoding((8, 8), "grayscale", "stretch"), source, folder=folder)
    assert np.load(array).shape == (40, 8, 8, 1)
