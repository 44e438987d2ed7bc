"""Where the pairs of images are kept that were compared, so that they are not compared again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class PairCache:
    """Parquet files of pairs of images that were compared.

    Attributes:
        similar: candidates by their thumbnails.
        warped: candidates by their embeddings.
    """

    similar: Path
    warped: Path
