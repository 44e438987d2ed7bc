"""Image trees of any size, class count and defect, and what is on the disk afterwards."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from PIL import Image

from tasks.config.schema import RetrainConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[1]


class Tree(Protocol):
    """Writes <under>/<class>/<number>.png into the test's folder and returns <under>."""

    def __call__(  # noqa: PLR0913 - each is one property of a tree
        self,
        classes: Mapping[str, int] | None = None,
        *,
        under: str = "data",
        size: tuple[int, int] = (16, 16),
        mode: str = "L",
        suffix: str = ".png",
        first: int = 0,
    ) -> Path:
        """Write so many images of each class; `first` is the number of the first one."""


def draw_image(label: int, number: int, *, size: tuple[int, int], mode: str) -> Image.Image:
    """Draw a noisy image a small CNN can learn: the position of a bright bar is the class."""
    height, width = size
    random = np.random.default_rng([label, number])
    pixels = random.integers(0, 60, (height, width), dtype=np.uint8)
    pixels[:, (label * 5) % width : (label * 5) % width + max(2, width // 8)] += 150
    return Image.fromarray(pixels).convert(mode)


def write_tree(  # noqa: PLR0913 - each is one property of a tree
    root: Path,
    classes: Mapping[str, int],
    *,
    size: tuple[int, int] = (16, 16),
    mode: str = "L",
    suffix: str = ".png",
    first: int = 0,
) -> Path:
    """Write <root>/<class>/<number><suffix> and return the root."""
    for label, (name, count) in enumerate(classes.items()):
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(first, first + count):
            image = draw_image(label, number, size=size, mode=mode)
            image.save(folder / f"{number:03d}{suffix}")
    return root


def in_mode(pixels: np.ndarray, mode: str) -> Image.Image:
    """Return 8-bit gray pixels as an image of one of Pillow's modes."""
    if mode == "I;16":
        return Image.fromarray(pixels.astype("uint16") * 257)
    return Image.fromarray(pixels).convert(mode)


def config_for(root: Path, **parts: object) -> RetrainConfig:
    """Return settings for a folder, with their home next to it."""
    return RetrainConfig.model_validate(
        {"home": root.parent / "home", "data": {"directory": root}, **parts}
    )


def state_of(folder: Path) -> dict[str, str]:
    """Return the hash of every file below a folder."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
