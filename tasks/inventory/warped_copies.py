"""An inventory and its embeddings go in; pairs of images that are warped copies come out.

Cropped, shifted, turned and slightly warped copies keep neither their thumbnail nor their hash, but
mostly their embedding: an image's few nearest neighbours are candidates where they are much nearer
than its others. Each candidate is confirmed on the images, see `image_registration`, since the
nearest neighbours of a photograph of a shoe are other shoes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.embedding.cosines import cosines_to_others
from tasks.inventory.columns import LABEL
from tasks.inventory.image_registration import confirm_copies
from tasks.inventory.pair_answers import PairQuestion

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from tasks.config.data import DataConfig

# Candidates are an image's NEAREST neighbours, where their distance is at most such a share of that
# of its OTHERS-th one: 1 - cosine of embeddings. Measured in docs/gate.md.
NEAREST, OTHERS, NEARER = 3, 20, 0.7
# Pairs in a chunk, so that few are enough to keep all cores busy.
PAIRS_IN_CHUNK = 64


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
        images: path, label and pixel_hash, of distinct pixels.
        embeddings: (images, 1280) float32, normalized.
        settings: the limit of pixels and the number of processes.
        root: folder the paths are relative to.
        cache: Parquet file of the pairs confirmed or refuted before, whose files are not read
            again; None for none.

    Returns:
        (pairs, 2) int: rows of `images`, the smaller one first.
    """
    rows = find_candidates(embeddings)
    labels = images[LABEL].to_numpy(object)
    # Turned and mirrored copies count within a class only, as other near-duplicates do.
    any_way = labels[rows[:, 0]] == labels[rows[:, 1]]
    question = PairQuestion(confirm_copies, "warped copies", cache, PAIRS_IN_CHUNK)
    copies: np.ndarray = rows[question.answer(images, rows, any_way.astype(bool), settings, root)]
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
    for start, cosines in cosines_to_others(embeddings):
        nearest = np.argpartition(-cosines, others, axis=1)[:, : others + 1]
        near = np.take_along_axis(cosines, nearest, axis=1)
        order = np.argsort(-near, axis=1)
        nearest, near = (np.take_along_axis(each, order, axis=1) for each in (nearest, near))
        first = near[:, :NEAREST]
        chosen = 1 - first <= NEARER * (1 - near[:, others:])
        row, rank = np.nonzero(chosen)
        pairs.append(np.sort(np.column_stack([start + row, nearest[row, rank]]), axis=1))
    # Pairs that share a file come one after the other, so that a worker reads it once.
    return np.unique(np.concatenate(pairs), axis=0)
