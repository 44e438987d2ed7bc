"""Picture files go in; one memory-mapped array of all of them, decoded once, comes out."""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tasks.errors import PicturesChangedError, PixelgateError
from tasks.files import digest, replacing
from tasks.generators.decoding import CHANNELS, decode_picture
from tasks.inventory.columns import BYTES, PATH, SHA256
from tasks.processes import in_chunks, map_chunks
from tasks.progress import track

if TYPE_CHECKING:
    import pandas as pd

KEPT = 4

log = logging.getLogger("pixelgate.generators")


@dataclass(frozen=True)
class Decoding:
    """How files become pictures of one shape.

    Attributes:
        root: folder the paths are relative to.
        size: height and width, pixels.
        color_mode: grayscale, rgb or rgba.
        resize: stretch, pad, crop or center_crop.
        max_pixels: a picture that declares more is refused.
    """

    root: Path
    size: tuple[int, int]
    color_mode: str
    resize: str
    max_pixels: int

    def read(self, path: str, sha256: str) -> np.ndarray:
        """Return one file's picture, (height, width, channels) uint8.

        Raises:
            ValueError: the file's content is not the one of this hash.
            Exception: whatever reading and decoding it raises.
        """
        data = Path(self.root, path).read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ValueError("its content changed")
        return decode_picture(
            data,
            size=self.size,
            color_mode=self.color_mode,
            resize=self.resize,
            max_pixels=self.max_pixels,
        )


def decode_once(
    pictures: pd.DataFrame, decoding: Decoding, *, folder: Path, workers: int | None = None
) -> Path:
    """Decode pictures into an array on disk, or find the array that already holds them.

    The file is named by the contents of the pictures, their order, the size and the colour mode;
    it is written under another name and renamed when whole, so that a torn one is never read.

    Args:
        pictures: rows with path and sha256, in the order wanted.
        decoding: what to make of each file.
        folder: where the arrays are kept; all but the last few used are removed.
        workers: processes; by default one a core.

    Returns:
        Path of a .npy file: (pictures, height, width, channels) uint8.

    Raises:
        PicturesChangedError: a file is not the one the inventory describes any more.
        PixelgateError: there is no room for the array.
    """
    shape = (len(pictures), *decoding.size, CHANNELS[decoding.color_mode])
    key = digest([pictures[SHA256].tolist(), decoding.size, decoding.color_mode, decoding.resize])
    file = folder / f"{key[:32]}.npy"
    if not _holds(file, shape):
        with replacing(file) as unfinished:
            _reserve(unfinished, shape)
            _fill(unfinished, pictures, decoding, workers)
    os.utime(file)
    _forget_old(folder)
    return file


def _reserve(file: Path, shape: tuple[int, ...]) -> None:
    """Make an array on disk with all of its blocks, as mapped memory can't tell of a full disk.

    Raises:
        PixelgateError: there is no room for it.
    """
    array = np.lib.format.open_memmap(file, "w+", np.uint8, shape)
    try:
        with file.open("rb+") as opened:
            os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)
    except OSError as error:
        raise PixelgateError(
            f"No room for the decoded pictures, {array.nbytes / 2**20:.0f} MiB, in {file.parent}:"
            f" {error.strerror}. Make room, set home to another disk, or lower"
            " generators.target_size."
        ) from None


def _holds(file: Path, shape: tuple[int, ...]) -> bool:
    """Tell whether a file is a whole array of this shape; anything else is made anew."""
    try:
        return bool(np.load(file, mmap_mode="r").shape == shape)
    except (OSError, ValueError, EOFError):
        return False


def _fill(file: Path, pictures: pd.DataFrame, decoding: Decoding, workers: int | None) -> None:
    named = list(zip(pictures[PATH], pictures[SHA256], strict=True))
    chunks = in_chunks(named, pictures[BYTES].tolist())
    calls = [(file, start, rows, decoding) for start, rows in chunks]
    decoded = map_chunks(_decode_chunk, calls, total=len(pictures), workers=workers)
    problems: list[str] = []
    for outcomes in track(decoded, total=len(pictures), description="decode"):
        problems.extend(problem for problem in outcomes if problem)
    if problems:
        shown = "\n".join(f"  {problem}" for problem in problems[:10])
        raise PicturesChangedError(
            f"{len(problems)} files are no longer what the inventory saw:\n{shown}\n"
            "Let the folder come to rest and run again."
        )


def _decode_chunk(
    file: Path, start: int, rows: list[tuple[str, str]], decoding: Decoding
) -> list[str | None]:
    """Decode a run of files into their places; return the problem of each, or None."""
    array = np.load(file, mmap_mode="r+")
    problems: list[str | None] = []
    for place, (path, sha256) in enumerate(rows, start):
        try:
            array[place] = decoding.read(path, sha256)
            problems.append(None)
        except Exception as error:  # noqa: BLE001 - decoders raise anything on damaged bytes
            problems.append(f"{path}: {error}")
    array.flush()
    return problems


def _forget_old(folder: Path) -> None:
    newest_first = sorted(folder.glob("*.npy"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in newest_first[KEPT:]:
        log.info("removing the decode cache %s, not used lately", file)
        file.unlink(missing_ok=True)
