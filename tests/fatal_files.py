"""Functions for worker processes that end at some of the files they are given.

A module of its own that imports little: every worker process imports it again.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.generators.decoding import Decoding
from tasks.reporting.thumbnails import draw_thumbnails
from tasks.serving.input_notes import decode_with_notes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np

    from tasks.inventory.file_contents import FileContents
    from tasks.models.contract import InputContract
    from tasks.serving.given_files import GivenFile
    from tasks.serving.input_notes import Decoded

FATAL = "fatal.png"


def crash() -> None:
    """End this process as a decoder does that crashes."""
    os.kill(os.getpid(), signal.SIGSEGV)


def double(fatal: Mapping[int, int], numbers: list[int]) -> list[int | str]:
    """Double numbers; a fatal one ends the process by its signal."""
    for number in numbers:
        if number in fatal:
            os.kill(os.getpid(), fatal[number])
    return [2 * number for number in numbers]


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


@dataclass(frozen=True)
class FatalWriter:
    """Ends the process at one image."""

    start: int
    fatal: int

    def __call__(self, index: int, contents: FileContents, sha256: str) -> None:
        """Receive an image."""
        del contents, sha256
        if self.start + index == self.fatal:
            crash()


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


@dataclass(frozen=True)
class FatalDecoding(Decoding):
    """Ends the process at one file."""

    def read(self, file: Path, sha256: str, max_pixels: int) -> np.ndarray:
        """Decode a file, or die."""
        if file.name == FATAL:
            crash()
        return super().read(file, sha256, max_pixels)


def decode_or_die(
    contract: InputContract, files: list[GivenFile], max_pixels: int
) -> list[Decoded]:
    """Decode files for a prediction, or die."""
    if any(file.path.name == FATAL for file in files):
        crash()
    return decode_with_notes(contract, files, max_pixels)


def draw_or_die(root: str, paths: list[str], *limits: Any) -> list[str | None]:
    """Draw thumbnails, or die."""
    if any(path.endswith(FATAL) for path in paths):
        crash()
    return draw_thumbnails(root, paths, *limits)
