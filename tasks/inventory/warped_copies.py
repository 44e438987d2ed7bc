"""An inventory and its embeddings go in; pairs of images that are warped copies come out.

Cropped, shifted, turned and slightly warped copies keep neither their thumbnail nor their hash, but
mostly their embedding: an image's few nearest neighbours are candidates where they are nearer than
its others by a margin. Each candidate is confirmed on the images, see `registration`, since the
nearest neighbours of a photograph of a shoe are other shoes.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tasks.inventory.columns import PATH, PIXEL_HASH
from tasks.inventory.registration import confirm_copies
from tasks.runtime.parallel import CHUNK_BYTES, in_chunks, map_chunks
from tasks.runtime.progress import track
from tasks.storage.checked import believe_parquet, write_checked_parquet

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.config.data import DataConfig

# Candidates are an image's NEAREST neighbours, where they are at least ALIKE to it and more so by a
# MARGIN than its OTHERS-th one: cosines of embeddings. Measured in docs/gate.md.
NEAREST, OTHERS = 3, 20
ALIKE, MARGIN = 0.5, 0.1
IMAGES_AT_ONCE = 1_024
# Pairs in a chunk, so that few are enough to keep all cores busy.
PAIRS_IN_CHUNK = 64
SIDES, IS_COPY = ["first", "second"], "is_copy"


def warped_copies(
    images: pd.DataFrame,
    embeddings: np.ndarray,
    settings: DataConfig,
    *,
    root: Path,
    cache: Path | None,
) -> np.ndarray:
    """Find the pairs of images of which one is a warped copy of the other.

    Args:
        images: path and pixel_hash, of distinct pixels.
        embeddings: (images, 1280) float32, normalized.
        settings: the limit of pixels and the number of processes.
        root: folder the paths are relative to.
        cache: Parquet file of the pairs confirmed or refuted before, whose files are not read
            again; None for none.

    Returns:
        (pairs, 2) int: rows of `images`, the smaller one first.
    """
    rows = find_candidates(embeddings)
    hashes, paths = (images[name].to_numpy(object) for name in (PIXEL_HASH, PATH))
    pairs = pd.DataFrame({side: hashes[rows[:, n]] for n, side in enumerate(SIDES)})
    pairs[IS_COPY] = pairs.merge(_judged_before(cache), how="left", on=SIDES)[IS_COPY].to_numpy()
    new = pairs[IS_COPY].isna().to_numpy()
    if new.any():
        files = [(str(paths[first]), str(paths[second])) for first, second in rows[new]]
        pairs.loc[new, IS_COPY] = _confirm(files, settings, root)
        pairs[IS_COPY] = pairs[IS_COPY].astype(bool)
        if cache:
            write_checked_parquet(cache, pairs)
    copies: np.ndarray = rows[pairs[IS_COPY].to_numpy(bool)]
    return copies


def find_candidates(embeddings: np.ndarray) -> np.ndarray:
    """Return the pairs of images that look alike more than others do: (pairs, 2) int, sorted.

    Args:
        embeddings: (images, features) float32, normalized.
    """
    pairs = [np.empty((0, 2), int)]
    others = min(OTHERS, len(embeddings) - 2)
    if others < 1:
        return pairs[0]
    for start in range(0, len(embeddings), IMAGES_AT_ONCE):
        cosines = embeddings[start : start + IMAGES_AT_ONCE] @ embeddings.T
        image = np.arange(len(cosines))
        # An image is no neighbour of its own.
        cosines[image, start + image] = -1
        nearest = np.argpartition(-cosines, others, axis=1)[:, : others + 1]
        near = np.take_along_axis(cosines, nearest, axis=1)
        order = np.argsort(-near, axis=1)
        nearest, near = (np.take_along_axis(each, order, axis=1) for each in (nearest, near))
        first = near[:, :NEAREST]
        chosen = (first >= ALIKE) & (first - near[:, others:] >= MARGIN)
        row, rank = np.nonzero(chosen)
        pairs.append(np.sort(np.column_stack([start + row, nearest[row, rank]]), axis=1))
    # Pairs that share a file come one after the other, so that a worker reads it once.
    return np.unique(np.concatenate(pairs), axis=0)


def _judged_before(cache: Path | None) -> pd.DataFrame:
    known = believe_parquet(cache) if cache else None
    return pd.DataFrame(columns=[*SIDES, IS_COPY]) if known is None else known


def _confirm(pairs: list[tuple[str, str]], settings: DataConfig, root: Path) -> list[bool]:
    chunks = in_chunks(pairs, [CHUNK_BYTES // PAIRS_IN_CHUNK] * len(pairs))
    answers = map_chunks(
        confirm_copies,
        [(str(root), chunk, settings.max_pixels) for _, chunk in chunks],
        total=len(pairs),
        workers=settings.workers,
        # As of any pair of which a file can't be read.
        lost=lambda _, __: [False],
    )
    tracked = track(answers, total=len(pairs), description="warped copies", unit="pairs")
    return list(itertools.chain.from_iterable(tracked))
