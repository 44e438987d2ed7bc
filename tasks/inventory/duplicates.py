"""Groups exact duplicates and near-duplicates: turns an inventory into a group per file.

Exact duplicates are files of the same pixels. Near-duplicates are found without comparing all
pairs: their perceptual hashes, cut into five blocks, agree in at least two. Each candidate is then
confirmed on the pixels, first of the thumbnails and then of the files, since by the hash alone most
handwritten digits are alike.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tasks.inventory.columns import (
    CONTRAST,
    ERROR,
    GROUP,
    PATH,
    PERCEPTUAL_HASH,
    PIXEL_HASH,
    THUMBNAIL,
)
from tasks.inventory.features import COLOR_SIDE, GRAY_SIDE, NEUTRAL
from tasks.inventory.similarity import confirm_pairs
from tasks.runtime.parallel import in_chunks, map_chunks
from tasks.runtime.progress import track
from tasks.storage.checked import believe_parquet, write_checked_parquet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tasks.config.data import DataConfig

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
SIDES, SIMILAR = ["first", "second"], "similar"
PAIRS_AT_ONCE = 100_000
ROUNDING = 1e-4
MIN_VISIBLE_CONTRAST = 1.0


def assign_groups(
    inventory: pd.DataFrame, settings: DataConfig, *, root: Path, pairs_cache: Path | None = None
) -> pd.DataFrame:
    """Fill the group column.

    Args:
        inventory: with the columns that reading fills.
        settings: near_duplicates (the least correlation of two thumbnails, or None), the limit of
            pixels and the number of processes.
        root: folder the paths are relative to.
        pairs_cache: Parquet file of the pairs compared before, whose files are not read again.

    Returns:
        A new frame; group is the path of the first file of the row's group, or None for a file
        without duplicates. Images of a single colour are in no group.
    """
    shown = inventory[inventory[ERROR].isna() & inventory[CONTRAST].ge(MIN_VISIBLE_CONTRAST)]
    number, _ = pd.factorize(shown[PIXEL_HASH])
    distinct = shown[~shown.duplicated(PIXEL_HASH)]
    pairs = _near_pairs(distinct, settings, root, pairs_cache)
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
    """Return (pairs, 2) row numbers of near-duplicates among images of distinct pixels."""
    if settings.near_duplicates is None or len(images) < 2:  # noqa: PLR2004 - a pair
        return np.empty((0, 2), int)
    rows = _pairs_of_similar_thumbnails(images, settings.near_duplicates)
    # Pairs that share a file come one after the other, so that a worker reads it once.
    rows = rows[np.lexsort(rows.T)]
    hashes, paths = (images[name].to_numpy(object) for name in (PIXEL_HASH, PATH))
    pairs = pd.DataFrame({side: hashes[rows[:, n]] for n, side in enumerate(SIDES)})
    # By pixel hashes and not by paths: a renamed file is still the same image.
    pairs[SIMILAR] = pairs.merge(_compared_before(pairs_cache), how="left", on=SIDES)[SIMILAR]
    new = pairs[SIMILAR].isna().to_numpy()
    if new.any():
        files = [(str(paths[first]), str(paths[second])) for first, second in rows[new]]
        pairs.loc[new, SIMILAR] = _compare_files(files, settings, root)
        pairs[SIMILAR] = pairs[SIMILAR].astype(bool)
        if pairs_cache:
            write_checked_parquet(pairs_cache, pairs)
    similar: np.ndarray = rows[pairs[SIMILAR].to_numpy(bool)]
    return similar


def _compared_before(pairs_cache: Path | None) -> pd.DataFrame:
    known = believe_parquet(pairs_cache) if pairs_cache else None
    return pd.DataFrame(columns=[*SIDES, SIMILAR]) if known is None else known


def _compare_files(pairs: list[tuple[str, str]], settings: DataConfig, root: Path) -> list[bool]:
    """Return for each pair of files whether their pixels show the same image."""
    calls = [(str(root), chunk, settings.max_pixels) for _, chunk in in_chunks(pairs)]
    answers = map_chunks(
        confirm_pairs,
        calls,
        total=len(pairs),
        workers=settings.workers,
        # As of any pair of which a file can't be read.
        lost=lambda _, __: [False],
    )
    tracked = track(answers, total=len(pairs), description="near-duplicates", unit="pairs")
    return list(itertools.chain.from_iterable(tracked))


def _pairs_of_similar_thumbnails(images: pd.DataFrame, correlation: float) -> np.ndarray:
    """Return (pairs, 2) row numbers of images with similar thumbnails, a few pairs per image."""
    hashes = np.frombuffer(bytes.fromhex("".join(images[PERCEPTUAL_HASH])), dtype=">u8")
    thumbs = thumbnails_of(images)
    coarse = _coarse(thumbs)
    partners = np.zeros(len(images), np.int32)
    # Two vectors of length 1 have a squared distance of 2 - 2 * correlation, and a projection never
    # increases it: no similar pair is lost, and few others are compared in full.
    furthest = 2 - 2 * correlation + ROUNDING
    similar = [np.empty((0, 2), int)]
    for pairs in _candidates(hashes.astype("u8")):
        difference = coarse[pairs[:, 0]] - coarse[pairs[:, 1]]
        distance = np.einsum("ij,ij->i", difference, difference)
        close = pairs[(distance <= furthest) & (partners[pairs[:, 0]] < MAX_PARTNERS)]
        matching = close[_thumbnails_match(thumbs, close, correlation)]
        np.add.at(partners, matching[:, 0], 1)
        similar.append(matching)
    return np.unique(np.sort(np.concatenate(similar), axis=1), axis=0)


def _coarse(thumbs: np.ndarray) -> np.ndarray:
    """Return (images, 16) float32: the normalized gray thumbnails, projected on 4 x 4 blocks."""
    blocks = GRAY_SIDE // COLOR_SIDE
    coarse = np.empty((len(thumbs), COLOR_SIDE**2), np.float32)
    for start in range(0, len(thumbs), PAIRS_AT_ONCE):
        gray = thumbs[start : start + PAIRS_AT_ONCE, : GRAY_SIDE**2].astype(np.float32)
        gray -= gray.mean(axis=1, keepdims=True)
        gray /= np.sqrt(np.einsum("ij,ij->i", gray, gray)).clip(1e-6)[:, None]
        # Divided by the square root of a block's 16 values, the sum is an orthonormal projection.
        cells = gray.reshape(-1, COLOR_SIDE, blocks, COLOR_SIDE, blocks).sum(axis=(2, 4)) / blocks
        coarse[start : start + PAIRS_AT_ONCE] = cells.reshape(-1, COLOR_SIDE**2)
    return coarse


def _candidates(hashes: np.ndarray) -> Iterator[np.ndarray]:
    """Yield (pairs, 2) row numbers whose hashes agree in two blocks and differ in few bits."""
    waiting: list[np.ndarray] = []
    for key in _block_keys(hashes):
        # Among rows of equal keys, sorting by the whole hash puts the closest ones side by side.
        order = np.lexsort((hashes, key))
        ordered = key[order]
        start = np.arange(len(order))
        for gap in range(1, WINDOW + 1):
            # Keys are sorted: a row that differs from its neighbour differs from all further ones.
            start = start[: np.searchsorted(start, len(order) - gap)]
            start = start[ordered[start] == ordered[start + gap]]
            if not len(start):
                break
            first, second = order[start], order[start + gap]
            near = np.bitwise_count(hashes[first] ^ hashes[second]) <= MAX_BITS
            waiting.append(np.column_stack([first[near], second[near]]))
            if sum(map(len, waiting)) > PAIRS_AT_ONCE:
                yield np.concatenate(waiting)
                waiting.clear()
    yield np.concatenate([np.empty((0, 2), int), *waiting])


def _block_keys(hashes: np.ndarray) -> Iterator[np.ndarray]:
    """Yield (images,) uint64 keys, one for each combination of two blocks of the hashes."""
    bits = np.unpackbits(hashes.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    blocks = []
    for block in range(BLOCKS):
        # Every fifth bit, so that each block holds low frequencies as well as high ones.
        own = bits[:, block::BLOCKS].astype(np.uint64)
        blocks.append(own @ (1 << np.arange(own.shape[1], dtype=np.uint64)))
    for first, second in itertools.combinations(blocks, AGREEING_BLOCKS):
        yield first << np.uint64(32) | second


def _thumbnails_match(thumbs: np.ndarray, pairs: np.ndarray, correlation: float) -> np.ndarray:
    """Return (pairs,) bool: whether the thumbnails agree in gray values and in colours."""
    matching = np.zeros(len(pairs), bool)
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        part = pairs[start : start + PAIRS_AT_ONCE]
        gray, color = similarity(thumbs[part[:, 0]], thumbs[part[:, 1]])
        matching[start : start + PAIRS_AT_ONCE] = (gray >= correlation) & (
            color <= MAX_COLOR_DIFFERENCE
        )
    return matching
