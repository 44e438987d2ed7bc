"""Decodes image files once, into one memory-mapped array that later runs use again."""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tasks.errors import ImagesChangedError, PixelgateError
from tasks.generators.decoded_array import DecodedArray
from tasks.inventory.columns import BYTES, PATH, SHA256
from tasks.runs.result_store import folder_age, stale_folders
from tasks.runtime.parallel import in_chunks, map_chunks
from tasks.runtime.progress import track
from tasks.storage.atomic import atomic_folder
from tasks.storage.checked import believe_folder
from tasks.storage.hashing import digest

if TYPE_CHECKING:
    import pandas as pd

    from tasks.generators.decoding import Decoding

# Several models, or sizes, can share a home; more arrays than this would only fill the disk.
KEPT = 4
EAGER = "eager"

log = logging.getLogger("pixelgate.generators")


@dataclass(frozen=True)
class Source:
    """Where the files are and how they are read.

    Attributes:
        root: folder the paths are relative to.
        max_pixels: an image that declares more is refused.
        workers: number of processes; None for one per core.
    """

    root: Path
    max_pixels: int
    workers: int | None = None


def decode_once(images: pd.DataFrame, decoding: Decoding, source: Source, *, folder: Path) -> Path:
    """Decode images into an array on disk, or find the array that already holds them.

    The array is named by the contents of the images, their order, the size and the colour mode. It
    is written under another name and renamed when complete, so that a torn one is never read. Only
    images that no other array of the same size and mode holds are decoded.

    Args:
        images: rows with path, bytes and sha256, in the order of the array.
        decoding: how files become images.
        source: where the files are.
        folder: holds the arrays; all but the ones used last are removed.

    Returns:
        Path of a .npy file: (images, height, width, channels) uint8.

    Raises:
        ImagesChangedError: a file is no longer the one the inventory describes.
        PixelgateError: there is no room for the array.
    """
    shape = (len(images), *decoding.shape)
    hashes = images[SHA256].tolist()
    array = DecodedArray(folder / f"{decoding.name}-{digest(hashes)[:32]}")
    if not (believe_folder(array.folder) and array.holds(shape)):
        shutil.rmtree(array.folder, ignore_errors=True)
        with atomic_folder(array.folder, sealed=True) as unfinished:
            _reserve(DecodedArray(unfinished), shape)
            _fill(DecodedArray(unfinished), images, decoding, source)
    # The time of last use, by which the oldest arrays are removed below.
    os.utime(array.folder)
    # What was decoded eagerly is part of the array now.
    for eager in folder.glob(f"{decoding.name}-{EAGER}-*"):
        shutil.rmtree(eager, ignore_errors=True)
    for old in stale_folders(folder, kept=KEPT):
        log.info("removing the decoded images in %s, which were not used lately", old)
        shutil.rmtree(old, ignore_errors=True)
    return array.pixels


def _reserve(array: DecodedArray, shape: tuple[int, ...]) -> None:
    try:
        array.reserve(shape)
    except OSError as error:
        raise PixelgateError(
            f"No room for the decoded images, {np.prod(shape) / 2**20:.0f} MiB, in"
            f" {array.folder.parent}: {error.strerror}. Make room, set home to another disk, or"
            " lower generators.target_size."
        ) from None


def _fill(array: DecodedArray, images: pd.DataFrame, decoding: Decoding, source: Source) -> None:
    hashes, missing = images[SHA256].tolist(), np.arange(len(images))
    # The newest array first, as it shares the most images with this one.
    for known in sorted(array.folder.parent.glob(f"{decoding.name}-*"), key=folder_age):
        # An array that changed since would hand its noise on.
        if len(missing) and believe_folder(known):
            missing = DecodedArray(known).copy_known(hashes, missing, array)
    if len(missing):
        log.info("decoding %d of %d images", len(missing), len(images))
        _decode(array, images.iloc[missing], missing, decoding, source)


def _decode(
    array: DecodedArray,
    images: pd.DataFrame,
    rows: np.ndarray,
    decoding: Decoding,
    source: Source,
) -> None:
    files = list(zip(rows.tolist(), images[PATH], images[SHA256], strict=True))
    chunks = in_chunks(files, images[BYTES].tolist())
    calls = [(array, chunk, decoding, source) for _, chunk in chunks]
    decoded = map_chunks(
        _decode_chunk, calls, total=len(images), workers=source.workers, lost=_refuse_file
    )
    problems: list[str] = []
    for outcomes in track(decoded, total=len(images), description="decode"):
        problems.extend(problem for problem in outcomes if problem)
    if problems:
        shown = "\n".join(f"  {problem}" for problem in problems[:10])
        raise ImagesChangedError(
            f"{len(problems)} files changed since the inventory was taken:\n{shown}\n"
            "Run again when nothing writes to the folder any more."
        )


def _refuse_file(file: tuple[int, str, str], signal: str) -> list[str | None]:
    raise PixelgateError(
        f"Decoding {file[1]} ended the process ({signal}). Remove the file or save it again, and"
        " run again."
    )


def _decode_chunk(
    array: DecodedArray, files: list[tuple[int, str, str]], decoding: Decoding, source: Source
) -> list[str | None]:
    """Decode files into their rows of the array; return the problem of each, or None."""
    # Pixels go to the mapped file, not back through a pipe: only problems are sent.
    maps = array.open()
    problems: list[str | None] = []
    for row, path, sha256 in files:
        try:
            image = decoding.read(Path(source.root, path), sha256, source.max_pixels)
            array.write(maps, row, image, sha256)
            problems.append(None)
        except Exception as error:  # noqa: BLE001 - decoders raise anything on damaged bytes
            problems.append(f"{path}: {error}")
    return problems
