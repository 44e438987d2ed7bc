"""An inventory goes in; the group of each file, of copies and near-duplicates, comes out.

Exact copies are files of the same pixels. Near-duplicates are found without comparing all pairs:
their perceptual hashes, cut in five blocks, agree in two of them at least; and confirmed on the
pixels, first of the thumbnails and then of the files, as a hash alone calls most handwritten
images alike.
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
from tasks.storage.atomic import read_parquet_or_none, write_parquet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tasks.config.data import DataConfig

BLOCKS, AGREEING = 5, 2
# Re-encoded, brightened or rescaled copies differ in 6 bits at most, nearly always.
MOST_BITS = 6
# An image is compared with this many others of a hash block, so that thousands of frames of one
# scene, which agree in every block, cost their number and not its square.
WINDOW = 256
# A copy saved anew keeps its colours; another colour is another image, whatever its shapes.
MOST_COLOR = 10.0
# Each image is confirmed against this many others a block: a chain holds a group together.
MOST_PARTNERS = 8
SIDES, ALIKE = ["one", "other"], "alike"
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
        pairs_cache: Parquet file of the pairs that were confirmed, so that their files are not read
            again.

    Returns:
        A new frame; group is the path of the first file of the row's group, or None for a file
        like no other. Images of one colour are in no group.
    """
    shown = inventory[inventory[ERROR].isna() & inventory[CONTRAST].ge(MIN_VISIBLE_CONTRAST)]
    number, _ = pd.factorize(shown[PIXEL_HASH])
    unlike = shown[~shown.duplicated(PIXEL_HASH)]
    pairs = _near_pairs(unlike, settings, root, pairs_cache)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=[len(unlike)] * 2)
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
    centred = [side[:, : GRAY_SIDE**2].astype(np.float32) for side in (first, second)]
    a, b = (side - side.mean(axis=1, keepdims=True) for side in centred)
    product = np.einsum("ij,ij->i", a, b)
    norms = np.einsum("ij,ij->i", a, a) * np.einsum("ij,ij->i", b, b)
    difference = next(colors) - next(colors)
    return product / np.sqrt(norms.clip(1e-9)), np.sqrt((difference**2).mean(axis=1))


def thumbnails_of(images: pd.DataFrame) -> np.ndarray:
    """Return the thumbnails of readable images: (images, 288) uint8, gray ones neutral."""
    gray, whole = GRAY_SIDE**2, GRAY_SIDE**2 + 2 * COLOR_SIDE**2
    padding = bytes([NEUTRAL]) * (whole - gray)
    thumbs = images[THUMBNAIL].array.__arrow_array__().to_pylist()
    data = b"".join([thumb if len(thumb) == whole else thumb + padding for thumb in thumbs])
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, whole)


def _near_pairs(
    images: pd.DataFrame, settings: DataConfig, root: Path, pairs_cache: Path | None
) -> np.ndarray:
    """Return (pairs, 2) places of near-duplicates among images that are no exact copies."""
    if settings.near_duplicates is None or len(images) < 2:  # noqa: PLR2004 - a pair
        return np.empty((0, 2), int)
    places = _alike_at_a_glance(images, settings.near_duplicates)
    # Pairs that share a file stand together, so that a worker reads it once.
    places = places[np.lexsort(places.T)]
    hashes, paths = (images[name].to_numpy(object) for name in (PIXEL_HASH, PATH))
    pairs = pd.DataFrame({side: hashes[places[:, at]] for at, side in enumerate(SIDES)})
    known = read_parquet_or_none(pairs_cache) if pairs_cache else None
    if known is None:
        known = pd.DataFrame(columns=[*SIDES, ALIKE])
    pairs[ALIKE] = pairs.merge(known, how="left", on=SIDES)[ALIKE]
    new = pairs[ALIKE].isna().to_numpy()
    named = [(str(paths[one]), str(paths[other])) for one, other in places[new]]
    pairs.loc[new, ALIKE] = _confirmed(named, settings, root)
    pairs[ALIKE] = pairs[ALIKE].astype(bool)
    if pairs_cache and new.any():
        write_parquet(pairs_cache, pairs)
    kept: np.ndarray = places[pairs[ALIKE].to_numpy()]
    return kept


def _confirmed(pairs: list[tuple[str, str]], settings: DataConfig, root: Path) -> list[bool]:
    """Tell of each pair of files whether their pixels are the same image."""
    calls = [(str(root), chunk, settings.max_pixels) for _, chunk in in_chunks(pairs)]
    told = map_chunks(confirm_pairs, calls, total=len(pairs), workers=settings.workers)
    tracked = track(told, total=len(pairs), description="near-duplicates", unit="pairs")
    return list(itertools.chain.from_iterable(tracked))


def _alike_at_a_glance(images: pd.DataFrame, correlation: float) -> np.ndarray:
    """Return (pairs, 2) places of images whose thumbnails are alike, a few for each image."""
    hashes = np.frombuffer(bytes.fromhex("".join(images[PERCEPTUAL_HASH])), dtype=">u8")
    thumbs = thumbnails_of(images)
    coarse = _coarse(thumbs)
    partners = np.zeros(len(images), np.int32)
    # Of two vectors of length 1 the squared distance is 2 - 2 * correlation, and no projection of
    # them is further apart: nothing alike is lost, and few others are compared in full.
    furthest = 2 - 2 * correlation + ROUNDING
    found = [np.empty((0, 2), int)]
    for pairs in _candidates(hashes.astype("u8")):
        between = coarse[pairs[:, 0]] - coarse[pairs[:, 1]]
        apart = np.einsum("ij,ij->i", between, between)
        close = pairs[(apart <= furthest) & (partners[pairs[:, 0]] < MOST_PARTNERS)]
        alike = close[_alike(thumbs, close, correlation)]
        np.add.at(partners, alike[:, 0], 1)
        found.append(alike)
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def _coarse(thumbs: np.ndarray) -> np.ndarray:
    """Return (images, 16) float32: the normed gray thumbnails, projected on 4 x 4 blocks."""
    blocks = GRAY_SIDE // COLOR_SIDE
    coarse = np.empty((len(thumbs), COLOR_SIDE**2), np.float32)
    for start in range(0, len(thumbs), PAIRS_AT_ONCE):
        gray = thumbs[start : start + PAIRS_AT_ONCE, : GRAY_SIDE**2].astype(np.float32)
        gray -= gray.mean(axis=1, keepdims=True)
        gray /= np.sqrt(np.einsum("ij,ij->i", gray, gray)).clip(1e-6)[:, None]
        cells = gray.reshape(-1, COLOR_SIDE, blocks, COLOR_SIDE, blocks).sum(axis=(2, 4)) / blocks
        coarse[start : start + PAIRS_AT_ONCE] = cells.reshape(-1, COLOR_SIDE**2)
    return coarse


def _candidates(hashes: np.ndarray) -> Iterator[np.ndarray]:
    """Yield (pairs, 2) places whose hashes agree in two blocks and differ in few bits."""
    waiting: list[np.ndarray] = []
    for key in _keys(hashes):
        # Within a key the order of the whole hash brings the closest ones side by side.
        order = np.lexsort((hashes, key))
        ordered = key[order]
        start = np.arange(len(order))
        for gap in range(1, WINDOW + 1):
            # What differs from its neighbour differs from those behind it too.
            start = start[: np.searchsorted(start, len(order) - gap)]
            start = start[ordered[start] == ordered[start + gap]]
            if not len(start):
                break
            first, second = order[start], order[start + gap]
            near = np.bitwise_count(hashes[first] ^ hashes[second]) <= MOST_BITS
            waiting.append(np.column_stack([first[near], second[near]]))
            if sum(map(len, waiting)) > PAIRS_AT_ONCE:
                yield np.concatenate(waiting)
                waiting.clear()
    yield np.concatenate([np.empty((0, 2), int), *waiting])


def _keys(hashes: np.ndarray) -> Iterator[np.ndarray]:
    """Yield a key a pair of blocks; each block takes every fifth bit, so that all tell as much."""
    bits = np.unpackbits(hashes.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    blocks = []
    for block in range(BLOCKS):
        own = bits[:, block::BLOCKS].astype(np.uint64)
        blocks.append(own @ (1 << np.arange(own.shape[1], dtype=np.uint64)))
    for one, other in itertools.combinations(blocks, AGREEING):
        yield one << np.uint64(32) | other


def _alike(thumbs: np.ndarray, pairs: np.ndarray, correlation: float) -> np.ndarray:
    """Tell of each pair whether its pixels confirm it."""
    alike = np.zeros(len(pairs), bool)
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        part = pairs[start : start + PAIRS_AT_ONCE]
        light, color = similarity(thumbs[part[:, 0]], thumbs[part[:, 1]])
        alike[start : start + PAIRS_AT_ONCE] = (light >= correlation) & (color <= MOST_COLOR)
    return alike
