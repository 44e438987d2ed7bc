"""Thumbnails go in; each one turned into a standard position, with a hash of it, comes out.

Images that are alike but for a quarter turn or a mirror have the same standard position, so that
one search finds them among all others. Every wave of the discrete cosine transform keeps its
magnitude under a turn: mirroring changes the sign of waves that are odd in that direction, and
transposing exchanges two waves. The position is therefore chosen by three votes of the waves, each
weighted by the cube of its magnitude, so that the strongest decide: odd waves across are mostly
positive, odd waves down too, and waves across are stronger than waves down.

Saving an image again changes its waves a little. Where a vote is so close that this could turn it,
both positions are taken.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.inventory.features import GRAY_SIDE, HASH_SIDE, wave_matrix
from tasks.inventory.turns import FLIP, MIRROR, TRANSPOSE

if TYPE_CHECKING:
    from collections.abc import Iterator

# As many as the cache of a core holds with all that is computed of them.
IMAGES_AT_ONCE = 4_096
# How far saving again moves the waves of a normalized thumbnail in the direction of a vote: of
# JPEG files of quality 60 and rescaled ones, less in 99 of 100 cases.
VOTE_TOLERANCE = 0.006
# A wave below it counts as absent: the sign of what is nearly zero is noise.
LEAST_WAVE = 0.008
# Of handwritten digits, a third of the pairs that are alike in 16 waves is so in 32.
COARSE_WAVES = 32
DOWN, ACROSS = np.divmod(np.arange(HASH_SIDE**2), HASH_SIDE)
ODD_ACROSS, ODD_DOWN = ACROSS % 2 == 1, DOWN % 2 == 1
# Only waves that are even in the other direction: its mirror must not change the vote.
VOTE_ACROSS, VOTE_DOWN = ODD_ACROSS & ~ODD_DOWN, ODD_DOWN & ~ODD_ACROSS
UPPER = np.flatnonzero(DOWN < ACROSS)
EXCHANGED = ACROSS * HASH_SIDE + DOWN
LOWER = EXCHANGED[UPPER]
# Low waves first; the first one is the mean, which is zero here.
BY_FREQUENCY = np.argsort(DOWN + ACROSS, kind="stable")


@dataclass(frozen=True)
class Views:
    """Thumbnails in their standard positions, one or more for each.

    Attributes:
        image: (views,) int32, the number of the thumbnail.
        turn: (views,) int8, that brings it into this position; see `turns`.
        hashes: (views,) uint64, which waves are positive, low ones in the highest bits.
        coarse: (views, 32) float32, the lowest waves of the normalized gray values.
    """

    image: np.ndarray
    turn: np.ndarray
    hashes: np.ndarray
    coarse: np.ndarray


def canonical_views(thumbs: np.ndarray) -> Views:
    """Turn thumbnails into their standard positions.

    Args:
        thumbs: (images, 288) uint8, gray values first, as `duplicates.thumbnails_of` returns them.
    """
    parts = [
        (start + image, turn, *_described(waves))
        for start in range(0, len(thumbs), IMAGES_AT_ONCE)
        for image, turn, waves in _positions(waves_of(thumbs[start : start + IMAGES_AT_ONCE]))
    ]
    image, turn, hashes, coarse = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Views(image.astype(np.int32), turn, hashes, coarse)


def waves_of(thumbs: np.ndarray) -> np.ndarray:
    """Return (64, images) float32: the low waves of the gray values, normalized to length 1."""
    gray = thumbs[:, : GRAY_SIDE**2].astype(np.float32)
    gray -= gray.mean(axis=1, keepdims=True)
    gray /= np.sqrt(np.einsum("ij,ij->i", gray, gray)).clip(1e-6)[:, None]
    # A row for each wave: what follows reads a few waves of all images.
    waves: np.ndarray = _basis() @ gray.T
    return waves


@functools.cache
def _basis() -> np.ndarray:
    """Return (64, 256) float32: orthonormal, so that a projection never increases a distance."""
    rows = wave_matrix() / np.linalg.norm(wave_matrix(), axis=1, keepdims=True)
    basis: np.ndarray = np.einsum("uy,vx->uvyx", rows, rows).reshape(-1, GRAY_SIDE**2)
    return basis.astype(np.float32)


def _positions(waves: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield numbers of images, their turns, and their waves after it."""
    votes = (_vote(waves[VOTE_ACROSS]), _vote(waves[VOTE_DOWN]), _vote_on_exchange(waves))
    for against in itertools.product((False, True), repeat=3):
        chosen = np.ones(waves.shape[1], bool)
        for (_, is_close), is_against in zip(votes, against, strict=True):
            if is_against:
                chosen &= is_close
        rows = np.flatnonzero(chosen)
        mirrored, flipped, exchanged = (
            vote[rows] ^ is_against for (vote, _), is_against in zip(votes, against, strict=True)
        )
        # Taking columns out of rows is slow, and the first time all of them are taken.
        position = waves.copy() if len(rows) == waves.shape[1] else waves[:, rows]
        np.negative(position, out=position, where=ODD_ACROSS[:, None] & mirrored)
        np.negative(position, out=position, where=ODD_DOWN[:, None] & flipped)
        # Transposed first, a mirror across becomes one down.
        across = np.where(exchanged, flipped, mirrored)
        down = np.where(exchanged, mirrored, flipped)
        turn = across * MIRROR + down * FLIP + exchanged * TRANSPOSE
        yield rows, turn.astype(np.int8), np.where(exchanged, position[EXCHANGED], position)


def _vote(waves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (images,) bool: whether each must be mirrored, and whether that vote is close.

    Args:
        waves: (waves, images), those that vote.
    """
    squares = waves**2
    total = (squares * waves).sum(axis=0)
    sensitivity = 3 * np.sqrt((squares**2).sum(axis=0))
    # Without odd waves the image is its own mirror image, and either position is right.
    is_even = squares.sum(axis=0) <= VOTE_TOLERANCE**2
    return total < 0, (np.abs(total) <= VOTE_TOLERANCE * sensitivity) & ~is_even


def _vote_on_exchange(waves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (images,) bool: whether each must be transposed, and whether that vote is close."""
    upper, lower = np.abs(waves[UPPER]), np.abs(waves[LOWER])
    total = (upper * upper * upper).sum(axis=0) - (lower * lower * lower).sum(axis=0)
    squares = (upper * upper) ** 2 + (lower * lower) ** 2
    return total < 0, np.abs(total) <= VOTE_TOLERANCE * 3 * np.sqrt(squares.sum(axis=0))


def _described(waves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the hash and the lowest waves of each position."""
    ordered = waves[BY_FREQUENCY]
    packed = np.packbits(ordered > LEAST_WAVE, axis=0)
    hashes = np.ascontiguousarray(packed.T).view(">u8").ravel().astype("u8")
    return hashes, np.ascontiguousarray(ordered[1 : COARSE_WAVES + 1].T)
