"""Groups exact duplicates and near-duplicates: turns an inventory into a group per file.

Exact duplicates are files of the same pixels. Near-duplicates, also turned by quarters or mirrored,
are found without comparing all pairs: the hashes of their thumbnails in a standard position, cut
into five blocks, agree in at least two. Each candidate is then confirmed on the pixels, first of
the thumbnails and then of the files, since by the hash alone most handwritten digits are alike.

Where there are embeddings, warped copies join these groups, see `warped_copies`.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tasks.inventory.canonical_views import canonical_views
from tasks.inventory.columns import (
    CONTRAST,
    ERROR,
    GROUP,
    LABEL,
    PATH,
    PIXEL_HASH,
    THUMBNAIL,
)
from tasks.inventory.features import COLOR_SIDE, GRAY_SIDE, NEUTRAL
from tasks.inventory.pair_answers import PairQuestion
from tasks.inventory.similarity import confirm_pairs
from tasks.inventory.turns import TURNS, turned_grid, undone_after
from tasks.inventory.warped_copies import warped_copies

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tasks.config.data import DataConfig
    from tasks.inventory.canonical_views import Views
    from tasks.inventory.embeddings import Embeddings
    from tasks.inventory.pair_answers import PairCache

BLOCKS, AGREEING_BLOCKS = 5, 2
# Re-encoded, brightened or rescaled copies nearly always differ in at most 6 bits.
MAX_BITS = 6
# An image is compared with at most this many others that share a hash block, so that thousands of
# frames of one scene, which agree in every block, cost linear and not quadratic time.
WINDOW = 256
# A re-encoded copy keeps its colours; with other colours it is another image, whatever its shapes.
MAX_COLOR_DIFFERENCE = 10.0
# Each image is confirmed against at most this many others: a chain is enough to connect a group.
MAX_PARTNERS = 8
PAIRS_AT_ONCE = 100_000
# As many as the cache of a core holds with all that is computed of them.
COMPARED_AT_ONCE = 2_048
ROUNDING = 1e-4
MIN_VISIBLE_CONTRAST = 1.0


def assign_groups(
    inventory: pd.DataFrame,
    settings: DataConfig,
    *,
    root: Path,
    embeddings: Embeddings | None = None,
    cache: PairCache | None = None,
) -> pd.DataFrame:
    """Fill the group column.

    Args:
        inventory: with label, and the columns that reading fills.
        settings: near_duplicates (the least correlation of two thumbnails, or None), the limit of
            pixels and the number of processes.
        root: folder the paths are relative to.
        embeddings: those of the inventory, by which warped copies are found; None to find none.
        cache: the pairs compared before, whose files are not read again.

    Returns:
        A new frame; group is the path of the first file of the row's group, or None for a file
        without duplicates. Images of a single colour are in no group.
    """
    shown = inventory[inventory[ERROR].isna() & inventory[CONTRAST].ge(MIN_VISIBLE_CONTRAST)]
    number, _ = pd.factorize(shown[PIXEL_HASH])
    distinct = shown[~shown.duplicated(PIXEL_HASH)]
    pairs = _near_pairs(distinct, settings, root, cache.similar if cache else None)[:, :2]
    if embeddings is not None and settings.near_duplicates is not None:
        known = distinct[embeddings.known[inventory.index.get_indexer(distinct.index)]]
        copies = warped_copies(
            known,
            embeddings.of(inventory, known),
            settings,
            root=root,
            cache=cache.warped if cache else None,
        )
        pairs = np.concatenate([pairs, distinct.index.get_indexer(known.index)[copies]])
    # "Is similar to" is not transitive, but a group must be: its files share a split. So groups are
    # the connected components of the graph of pairs.
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=[len(distinct)] * 2)
    _, component = connected_components(graph, directed=False)
    group = pd.Series(component[number], index=shown.index)
    shared = group[group.duplicated(keep=False)]
    first = shown.loc[shared.index, PATH].groupby(shared).transform("min")
    return inventory.assign(**{GROUP: first.reindex(inventory.index).astype("str")})


def similarity(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compare thumbnails pair by pair.

    Args:
        first: (pairs, 288) uint8, as `thumbnails_of` returns them.
        second: the same.

    Returns:
        The correlation of the gray values of each pair, -1 to 1, and the root mean square of the
        difference of their colours, 0 to 255.
    """
    colors = (side[:, GRAY_SIDE**2 :].astype(np.float32) for side in (first, second))
    gray = [side[:, : GRAY_SIDE**2].astype(np.float32) for side in (first, second)]
    a, b = (side - side.mean(axis=1, keepdims=True) for side in gray)
    product = np.einsum("ij,ij->i", a, b)
    norms = np.einsum("ij,ij->i", a, a) * np.einsum("ij,ij->i", b, b)
    difference = next(colors) - next(colors)
    return product / np.sqrt(norms.clip(1e-9)), np.sqrt((difference**2).mean(axis=1))


def thumbnails_of(images: pd.DataFrame) -> np.ndarray:
    """Return thumbnails as (images, 288) uint8; gray images get neutral colours."""
    gray, whole = GRAY_SIDE**2, GRAY_SIDE**2 + 2 * COLOR_SIDE**2
    padding = bytes([NEUTRAL]) * (whole - gray)
    thumbs = images[THUMBNAIL].array.__arrow_array__().to_pylist()
    data = b"".join([thumb if len(thumb) == whole else thumb + padding for thumb in thumbs])
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, whole)


def _near_pairs(
    images: pd.DataFrame, settings: DataConfig, root: Path, pairs_cache: Path | None
) -> np.ndarray:
    """Return (pairs, 3) int: rows of near-duplicates among images of distinct pixels, a turn."""
    if settings.near_duplicates is None or len(images) < 2:  # noqa: PLR2004 - a pair
        return np.empty((0, 3), int)
    rows = _pairs_of_similar_thumbnails(images, settings.near_duplicates)
    # Pairs that share a file come one after the other.
    rows = rows[np.lexsort(rows.T[[2, 0, 1]])]
    question = PairQuestion(confirm_pairs, "near-duplicates", pairs_cache)
    similar: np.ndarray = rows[question.answer(images, rows[:, :2], rows[:, 2], settings, root)]
    return similar


def _pairs_of_similar_thumbnails(images: pd.DataFrame, correlation: float) -> np.ndarray:
    """Return (pairs, 3) int: the rows of images with similar thumbnails, and a turn of the second.

    A few pairs per image; the first row is the smaller one.
    """
    thumbs = thumbnails_of(images)
    views = canonical_views(thumbs)
    labels, _ = pd.factorize(images[LABEL])
    partners = np.zeros(len(images), np.int32)
    # Two vectors of length 1 have a squared distance of 2 - 2 * correlation, and a projection never
    # increases it: no similar pair is lost, and few others are compared in full.
    furthest = 2 - 2 * correlation + ROUNDING
    similar = [np.empty((0, 3), int)]
    for seen in _candidates(views.hashes):
        pairs = _pairs_of_images(views, seen[_coarse_distances(views, seen) <= furthest])
        # Mirrored letters and arrows are other classes, not copies of each other.
        is_alike = (pairs[:, 2] == 0) | (labels[pairs[:, 0]] == labels[pairs[:, 1]])
        pairs = pairs[is_alike & (partners[pairs[:, 0]] < MAX_PARTNERS)]
        matching = pairs[_thumbnails_match(thumbs, pairs, correlation)]
        np.add.at(partners, matching[:, 0], 1)
        similar.append(matching)
    return np.unique(np.concatenate(similar), axis=0)


def _coarse_distances(views: Views, seen: np.ndarray) -> np.ndarray:
    """Return (pairs,) float32: the squared distance of the lowest waves of views, pair by pair."""
    distances = np.empty(len(seen), np.float32)
    for start in range(0, len(seen), COMPARED_AT_ONCE):
        first, second = seen[start : start + COMPARED_AT_ONCE].T
        difference = views.coarse[first] - views.coarse[second]
        distances[start : start + len(first)] = np.einsum("ij,ij->i", difference, difference)
    return distances


def _pairs_of_images(views: Views, seen: np.ndarray) -> np.ndarray:
    """Return (pairs, 3) int: smaller image, larger image, and the turn of the larger one.

    Args:
        views: of all images.
        seen: (pairs, 2) numbers of views that are alike; two views of one image make no pair.
    """
    image, turn = views.image[seen], views.turn[seen]
    swapped = image[:, 0] > image[:, 1]
    image[swapped], turn[swapped] = image[swapped][:, ::-1], turn[swapped][:, ::-1]
    pairs = np.column_stack([image, undone_after()[turn[:, 0], turn[:, 1]]])
    of_two: np.ndarray = pairs[image[:, 0] != image[:, 1]]
    return of_two


def _candidates(hashes: np.ndarray) -> Iterator[np.ndarray]:
    """Yield (pairs, 2) row numbers whose hashes agree in two blocks and differ in few bits."""
    waiting: list[np.ndarray] = []
    for reordered, shift in _reordered(hashes):
        # Among rows that agree in the first two blocks, the closest in the others are neighbours.
        order = np.argsort(reordered)
        ordered = reordered[order]
        keys, own = ordered >> shift, hashes[order]
        start = np.arange(len(order))
        for gap in range(1, WINDOW + 1):
            # Keys are sorted: a row that differs from its neighbour differs from all further ones.
            start = start[: np.searchsorted(start, len(order) - gap)]
            start = start[keys[start] == keys[start + gap]]
            if not len(start):
                break
            near = start[np.bitwise_count(own[start] ^ own[start + gap]) <= MAX_BITS]
            waiting.append(np.column_stack([order[near], order[near + gap]]))
            if sum(map(len, waiting)) > PAIRS_AT_ONCE:
                yield np.concatenate(waiting)
                waiting.clear()
    yield np.concatenate([np.empty((0, 2), int), *waiting])


def _reordered(hashes: np.ndarray) -> Iterator[tuple[np.ndarray, np.uint64]]:
    """Yield the hashes with each combination of two blocks as highest bits, and what lies below."""
    bits = np.unpackbits(hashes.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    # Every fifth bit, so that each block holds low frequencies as well as high ones.
    positions = [range(block, bits.shape[1], BLOCKS) for block in range(BLOCKS)]
    blocks = []
    for own in positions:
        values = 1 << np.arange(len(own), dtype=np.uint64)[::-1]
        blocks.append(bits[:, own].astype(np.uint64) @ values)
    for first in itertools.combinations(range(BLOCKS), AGREEING_BLOCKS):
        reordered = np.zeros(len(hashes), np.uint64)
        for block in (*first, *(block for block in range(BLOCKS) if block not in first)):
            reordered = (reordered << np.uint64(len(positions[block]))) | blocks[block]
        yield reordered, np.uint64(64 - sum(len(positions[block]) for block in first))


def _thumbnails_match(thumbs: np.ndarray, pairs: np.ndarray, correlation: float) -> np.ndarray:
    """Return (pairs,) bool: whether the thumbnails agree in gray values and in colours."""
    matching = np.zeros(len(pairs), bool)
    for turn in TURNS:
        rows = np.flatnonzero(pairs[:, 2] == turn)
        cells = _turned_cells(turn)
        for start in range(0, len(rows), COMPARED_AT_ONCE):
            part = rows[start : start + COMPARED_AT_ONCE]
            second = thumbs[pairs[part, 1]]
            gray, color = similarity(thumbs[pairs[part, 0]], second[:, cells] if turn else second)
            matching[part] = (gray >= correlation) & (color <= MAX_COLOR_DIFFERENCE)
    return matching


def _turned_cells(turn: int) -> np.ndarray:
    """Return (288,) int: which value of a thumbnail stands at each place of the turned one."""
    color, start = turned_grid(COLOR_SIDE)[turn], GRAY_SIDE**2
    return np.concatenate(
        [turned_grid(GRAY_SIDE)[turn], start + color, start + COLOR_SIDE**2 + color]
    )
