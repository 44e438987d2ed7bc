"""Features of images on disk, by the content of each image; only new images are computed.

A shard is a folder with the features of up to SHARD images and the hash of each one's file. It is
written whole and verified before it is used, so that a killed run loses one shard at most, and a
later run computes only the images that no shard holds.
"""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.runs.result_store import stale_folders
from tasks.storage.atomic import atomic_folder
from tasks.storage.checked import believe_folder
from tasks.storage.hashing import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Compute = Callable[[np.ndarray], np.ndarray]

FEATURES, DIGESTS = "features.npy", "sha256.npy"
# A few seconds of work.
SHARD = 1_024
# Networks or inputs whose features are kept: those used last.
KEPT = 4

log = logging.getLogger("pixelgate.embedding")


@dataclass(frozen=True)
class FeatureShards:
    """The features of one network, input and view.

    Attributes:
        folder: holds the shards; None keeps nothing.
        width: features per image.
    """

    folder: Path | None
    width: int

    def complete(
        self, digests: np.ndarray, compute: Compute, *, has_time: Callable[[], bool]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the features of images, computing and keeping those that are missing.

        Args:
            digests: (images, 32) uint8, the SHA-256 of each one's file.
            compute: from the numbers of some of these images to their features.
            has_time: asked before each shard but the first.

        Returns:
            (images, width) float16, and (images,) bool: whether there was time for it.
        """
        features, known = self.read(digests)
        missing = np.flatnonzero(~known)
        if len(missing):
            log.info("computing the features of %d of %d images", len(missing), len(digests))
        for start in range(0, len(missing), SHARD):
            if start and not has_time():
                break
            rows = missing[start : start + SHARD]
            features[rows] = compute(rows)
            known[rows] = True
            self.keep(features[rows], digests[rows])
        return features, known

    def read(self, digests: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the features that the shards hold.

        Args:
            digests: (images, 32) uint8, the SHA-256 of each one's file.

        Returns:
            (images, width) float16, and (images,) bool: which of them were found.
        """
        features = np.zeros((len(digests), self.width), "float16")
        missing = np.arange(len(digests))
        for shard_digests, shard_features in self._shards():
            row_of = {each.tobytes(): row for row, each in enumerate(shard_digests)}
            rows = np.array([row_of.get(digests[n].tobytes(), -1) for n in missing], "int64")
            found = rows >= 0
            features[missing[found]] = shard_features[rows[found]]
            missing = missing[~found]
            if not len(missing):
                break
        known = np.ones(len(digests), bool)
        known[missing] = False
        return features, known

    def _shards(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        folders = sorted(self.folder.glob("[0-9a-f]*")) if self.folder else []
        for folder in folders:
            if not believe_folder(folder):
                continue
            digests = np.load(folder / DIGESTS)
            features = np.load(folder / FEATURES, mmap_mode="r")
            if features.shape == (len(digests), self.width):
                yield digests, features

    def keep(self, features: np.ndarray, digests: np.ndarray) -> None:
        """Write a shard.

        Args:
            features: (images, width), up to SHARD of them.
            digests: (images, 32) uint8.
        """
        if self.folder is None or not len(digests):
            return
        shard = self.folder / digest([each.tobytes().hex() for each in digests])[:32]
        # One that was set aside as damaged is gone; one of another run may be complete.
        shutil.rmtree(shard, ignore_errors=True)
        with atomic_folder(shard, sealed=True) as unfinished:
            np.save(unfinished / FEATURES, features)
            np.save(unfinished / DIGESTS, digests)


def prune_features(cache: Path, used: list[Path]) -> None:
    """Remove the features of all but the networks and inputs used last."""
    for folder in used:
        if folder.is_dir():
            os.utime(folder)
    for old in stale_folders(cache, kept=KEPT):
        shutil.rmtree(old, ignore_errors=True)
