"""Decoded images on disk: a folder with their pixels and the hash of each one's file.

Imports only NumPy, so that a worker process starts fast.
"""

from __future__ import annotations

import contextlib
import functools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.generators.decoding import Decoding
    from tasks.inventory.file_contents import FileContents

DIGEST_BYTES = 32
NO_IMAGE = bytes(DIGEST_BYTES)


@dataclass(frozen=True)
class DecodedArray:
    """An array of images of one shape.

    The hash of an image is written after its pixels, so that a row with a hash is complete; rows
    that are not written yet have none.

    Attributes:
        folder: holds the two files below.
    """

    folder: Path

    @property
    def pixels(self) -> Path:
        """.npy, (images, height, width, channels) uint8."""
        return self.folder / "pixels.npy"

    @property
    def digests(self) -> Path:
        """.npy, (images, 32) uint8: the SHA-256 of each file, or zeros."""
        return self.folder / "sha256.npy"

    def reserve(self, shape: tuple[int, ...]) -> None:
        """Create both files and allocate all of their blocks.

        Args:
            shape: (images, height, width, channels).

        Raises:
            OSError: there is no room for them.
        """
        for file, size in ((self.pixels, shape), (self.digests, (shape[0], DIGEST_BYTES))):
            np.lib.format.open_memmap(file, "w+", np.uint8, size)
            # A write to mapped memory on a full disk is no error but kills the process (SIGBUS).
            with file.open("rb+") as opened:
                os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)

    def holds(self, shape: tuple[int, ...]) -> bool:
        """Return whether the pixels are complete and of this shape."""
        try:
            return bool(np.load(self.pixels, mmap_mode="r").shape == shape)
        except (OSError, ValueError, EOFError):
            return False

    def open(self, mode: Literal["r", "r+"] = "r+") -> tuple[np.ndarray, np.ndarray]:
        """Map both files into memory.

        Raises:
            OSError: one is missing.
            ValueError: one is torn, or they don't belong together.
        """
        pixels = np.load(self.pixels, mmap_mode=mode)
        digests = np.load(self.digests, mmap_mode=mode)
        if digests.shape != (len(pixels), DIGEST_BYTES) or pixels.dtype != np.uint8:
            raise ValueError(f"{self.folder} holds no decoded images")
        # Indexing a `np.memmap` makes a new memmap object, which costs more than a small image.
        return pixels.view(np.ndarray), digests.view(np.ndarray)

    @staticmethod
    def write(
        maps: tuple[np.ndarray, np.ndarray], row: int, image: np.ndarray, sha256: str
    ) -> None:
        """Write an image, then the SHA-256 (hexadecimal) of its file, into maps from `open`."""
        pixels, digests = maps
        pixels[row] = image
        digests[row] = np.frombuffer(bytes.fromhex(sha256), np.uint8)

    def copy_known(
        self, hashes: list[str], missing: np.ndarray, target: DecodedArray
    ) -> np.ndarray:
        """Copy images of this array into another one that lacks them.

        Args:
            hashes: the SHA-256 (hexadecimal) of every image of the other array.
            missing: (rows,) int, rows of the other array that are not filled yet.
            target: the other array, reserved.

        Returns:
            The rows that are still missing.
        """
        # A damaged array is nothing to copy from, and nothing to fail for.
        try:
            pixels, digests = self.open("r")
            target_pixels, target_digests = target.open()
        except (OSError, ValueError, EOFError):
            return missing
        if pixels.shape[1:] != target_pixels.shape[1:]:
            return missing
        row_of = {digest.tobytes(): row for row, digest in enumerate(digests)}
        row_of.pop(NO_IMAGE, None)
        rows = np.array([row_of.get(bytes.fromhex(hashes[row]), -1) for row in missing], "int64")
        known = rows >= 0
        # In parts, as indexing by a list of rows copies them into memory first.
        for part in np.array_split(np.flatnonzero(known), known.sum() // 1_024 + 1):
            target_pixels[missing[part]] = pixels[rows[part]]
            target_digests[missing[part]] = digests[rows[part]]
        return missing[~known]


@dataclass(frozen=True)
class ChunkWriter:
    """Writes the images of a chunk of files into an array; sent to a worker process.

    Attributes:
        array: reserved for all files.
        decoding: how images become rows.
        start: row of the chunk's first file.
    """

    array: DecodedArray
    decoding: Decoding
    start: int

    def __call__(self, index: int, contents: FileContents, sha256: str) -> None:
        """Write the image of the chunk's file number `index`."""
        # Inventory comes first: an image that fails here is decoded again later, with a message.
        with contextlib.suppress(Exception):
            image = self.decoding.fit_contents(contents)
            self.array.write(self._maps, self.start + index, image, sha256)

    @functools.cached_property
    def _maps(self) -> tuple[np.ndarray, np.ndarray]:
        # Opened in the worker: a pickled memory map would carry its whole content along.
        return self.array.open()
