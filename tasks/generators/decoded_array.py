"""Decoded images on disk: a folder with their pixels and the hash of the file behind each.

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

    from PIL import Image

    from tasks.generators.decoding import Decoding

DIGEST_BYTES = 32
NO_IMAGE = bytes(DIGEST_BYTES)


@dataclass(frozen=True)
class DecodedArray:
    """An array of images of one shape.

    A hash is written after its image's pixels, so that a row with a hash is whole; rows not
    written yet have none.

    Attributes:
        folder: of the two files below.
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
        """Make both files with all of their blocks, as mapped memory can't tell of a full disk.

        Args:
            shape: of the pixels.

        Raises:
            OSError: there is no room for them.
        """
        for file, wanted in ((self.pixels, shape), (self.digests, (shape[0], DIGEST_BYTES))):
            np.lib.format.open_memmap(file, "w+", np.uint8, wanted)
            with file.open("rb+") as opened:
                os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)

    def holds(self, shape: tuple[int, ...]) -> bool:
        """Tell whether the pixels are whole and of this shape."""
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
        # Rows of NumPy's own class of mapped arrays cost more than their bytes.
        return pixels.view(np.ndarray), digests.view(np.ndarray)

    @staticmethod
    def write(
        maps: tuple[np.ndarray, np.ndarray], row: int, image: np.ndarray, sha256: str
    ) -> None:
        """Write an image, and then the SHA-256, in hexadecimal, of its file, to opened maps."""
        pixels, digests = maps
        pixels[row] = image
        digests[row] = np.frombuffer(bytes.fromhex(sha256), np.uint8)

    def copy_known(self, wanted: list[str], places: np.ndarray, to: DecodedArray) -> np.ndarray:
        """Copy the images this array has of those that another one lacks.

        Args:
            wanted: the SHA-256, in hexadecimal, of every image of the other array.
            places: rows of the other array that are not filled yet.
            to: the other array, reserved.

        Returns:
            The places that are left.
        """
        try:
            pixels, digests = self.open("r")
            into, named = to.open()
        except (OSError, ValueError, EOFError):
            return places
        if pixels.shape[1:] != into.shape[1:]:
            return places
        row_of = {digest.tobytes(): row for row, digest in enumerate(digests)}
        row_of.pop(NO_IMAGE, None)

        rows = np.array([row_of.get(bytes.fromhex(wanted[place]), -1) for place in places], "int64")
        found = rows >= 0
        for some in np.array_split(np.flatnonzero(found), found.sum() // 1_024 + 1):
            into[places[some]] = pixels[rows[some]]
            named[places[some]] = digests[rows[some]]
        return places[~found]


@dataclass(frozen=True)
class ChunkWriter:
    """Keeps the images of a chunk of files; sent to a worker process.

    Attributes:
        array: where to.
        decoding: what to make of an image.
        start: row of the chunk's first file.
    """

    array: DecodedArray
    decoding: Decoding
    start: int

    def __call__(self, place: int, opened: Image.Image, sha256: str) -> None:
        """Keep the image of the chunk's file at `place`; what fails is decoded later."""
        with contextlib.suppress(Exception):
            self.array.write(self._maps, self.start + place, self.decoding.fit(opened), sha256)

    @functools.cached_property
    def _maps(self) -> tuple[np.ndarray, np.ndarray]:
        return self.array.open()
