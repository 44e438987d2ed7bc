"""Trees of warped images, several from each source, and whether siblings share a split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tasks.config.data import DataConfig
from tasks.inventory.scan import take_inventory

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pandas as pd


def scene(number: int) -> Image.Image:
    """Draw soft blobs, as different from another number's as two photographs are."""
    small = np.random.default_rng(number).integers(0, 255, (5, 5, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((32, 32), Image.Resampling.BICUBIC)


def warped(image: Image.Image, seed: int) -> Image.Image:
    """Turn, shear and shift an image by a little."""
    random = np.random.default_rng(seed)
    turned = image.rotate(random.uniform(-15, 15), Image.Resampling.BILINEAR)
    shear, x, y = random.uniform(-0.1, 0.1), *random.uniform(-3, 3, 2)
    return turned.transform(
        image.size, Image.Transform.AFFINE, (1, shear, x, 0, 1, y), Image.Resampling.BILINEAR
    )


def write(root: Path, names: Iterable[tuple[str, int]]) -> Path:
    """Write warped images, each from the source with its number."""
    for seed, (name, number) in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        warped(scene(number), seed).save(root / name)
    return root


def augmented(root: Path, name: str = "{label}/aug_{source}_0_{copy}.png", copies: int = 4) -> Path:
    """Write a dozen sources in each of two classes, several warped copies of each."""
    return write(
        root,
        [
            (name.format(label=label, source=f"{label}{source}", copy=copy), 100 * side + source)
            for side, label in enumerate("ab")
            for source in range(12)
            for copy in range(copies)
        ],
    )


def inventory_of(root: Path, **data: Any) -> pd.DataFrame:
    """Take inventory without a cache."""
    return take_inventory(DataConfig(directory=root, **data), seed=42)


def are_together(inventory: pd.DataFrame) -> bool:
    """Return whether all declared siblings share a split."""
    return bool(inventory.groupby("siblings")["split"].nunique().eq(1).all())
