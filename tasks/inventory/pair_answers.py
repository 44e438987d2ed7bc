"""Pairs of images go in; the answer to one question about each comes out, kept for later runs."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks.inventory.columns import PATH, PIXEL_HASH
from tasks.runtime.parallel import CHUNK, CHUNK_BYTES, in_chunks, map_chunks
from tasks.runtime.progress import track
from tasks.storage.checked import believe_parquet, write_checked_parquet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np

    from tasks.config.data import DataConfig

SIDES, OPTION, ANSWER = ["first", "second"], "option", "answer"


@dataclass(frozen=True)
class PairCache:
    """Parquet files of pairs of images that were compared.

    Attributes:
        similar: candidates by their thumbnails.
        warped: candidates by their embeddings.
    """

    similar: Path
    warped: Path


@dataclass(frozen=True)
class PairQuestion:
    """A question about two images, and how they are to be compared: the option of the pair.

    Attributes:
        ask: from the data folder, pairs of two paths and an option, and the limit of pixels to a
            boolean a pair; called in worker processes.
        description: of the work, for its progress.
        cache: Parquet file of earlier answers; None for none.
        in_chunk: pairs in a chunk; the fewer, the fewer pairs keep all cores busy.
    """

    ask: Callable[[str, Sequence[Any], int], list[bool]]
    description: str
    cache: Path | None
    in_chunk: int = CHUNK

    def answer(
        self,
        images: pd.DataFrame,
        rows: np.ndarray,
        options: Sequence[Any] | np.ndarray,
        settings: DataConfig,
        root: Path,
    ) -> np.ndarray:
        """Answer for each pair; the files of pairs answered before are not read again.

        Args:
            images: path and pixel_hash.
            rows: (pairs, 2) int, rows of `images`. Pairs that share a file come one after the
                other, so that a worker reads it once.
            options: (pairs,) of one plain type.
            settings: the limit of pixels and the number of processes.
            root: folder the paths are relative to.

        Returns:
            (pairs,) bool.
        """
        hashes, paths = (images[name].to_numpy(object) for name in (PIXEL_HASH, PATH))
        # By pixel hashes and not by paths: a renamed file is still the same image.
        pairs = pd.DataFrame({side: hashes[rows[:, n]] for n, side in enumerate(SIDES)})
        pairs[OPTION] = options
        known = self._answered(pairs[OPTION].dtype)
        pairs[ANSWER] = pairs.merge(known, how="left", on=[*SIDES, OPTION])[ANSWER].to_numpy()
        new = pairs[ANSWER].isna().to_numpy()
        if new.any():
            files = [
                (str(paths[first]), str(paths[second]), option)
                for (first, second), option in zip(
                    rows[new], pairs.loc[new, OPTION].tolist(), strict=True
                )
            ]
            pairs.loc[new, ANSWER] = self._ask_all(files, settings, root)
            pairs[ANSWER] = pairs[ANSWER].astype(bool)
            if self.cache:
                write_checked_parquet(self.cache, pairs)
        answers: np.ndarray = pairs[ANSWER].to_numpy(bool)
        return answers

    def _answered(self, option: Any) -> pd.DataFrame:
        known = believe_parquet(self.cache) if self.cache else None
        if known is None:
            return pd.DataFrame(columns=[*SIDES, OPTION, ANSWER]).astype({OPTION: option})
        return known

    def _ask_all(
        self, pairs: list[tuple[str, str, Any]], settings: DataConfig, root: Path
    ) -> list[bool]:
        chunks = in_chunks(pairs, [CHUNK_BYTES // self.in_chunk] * len(pairs))
        answers = map_chunks(
            self.ask,
            [(str(root), chunk, settings.max_pixels) for _, chunk in chunks],
            total=len(pairs),
            workers=settings.workers,
            # As of any pair of which a file can't be read.
            lost=lambda _, __: [False],
        )
        tracked = track(answers, total=len(pairs), description=self.description, unit="pairs")
        return list(itertools.chain.from_iterable(tracked))
