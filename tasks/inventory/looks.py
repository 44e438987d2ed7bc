"""Gray pictures go in; how bright, contrasty, sharp and rich they are comes out, many at a time.

Small pictures are measured in stacks of one size, since for them NumPy's cost is the call, not the
pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import imagehash
import numpy as np

if TYPE_CHECKING:
    from PIL import Image

# Larger pictures are measured at once, one by one, and not kept.
STACKED_PIXELS = 128 * 128


class LookBatch:
    """Measures pictures in gray and writes what it finds into their rows.

    brightness: mean, 0 to 255. contrast: standard deviation, 0 to 127.5. sharpness: variance of the
    Laplacian over the inner pixels. entropy: of the histogram, bits, 0 to 8. perceptual_hash: the
    difference hash of imagehash, 16 hexadecimal digits.
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[int, int], list[tuple[np.ndarray, dict[str, Any]]]] = {}

    def add(self, gray: Image.Image, row: dict[str, Any]) -> None:
        """Take a picture in mode L; its row is complete after `measure`."""
        row["entropy"] = gray.entropy()
        row["perceptual_hash"] = f"{difference_hash(gray):016x}"
        pixels = np.asarray(gray)
        if pixels.size > STACKED_PIXELS:
            _measure(pixels[None], [row])
        else:
            self._waiting.setdefault(pixels.shape, []).append((pixels, row))

    def measure(self) -> None:
        """Measure what waits, a size at a time."""
        for waiting in self._waiting.values():
            pixels, rows = zip(*waiting, strict=True)
            _measure(np.stack(pixels), rows)
        self._waiting.clear()


def difference_hash(gray: Image.Image) -> int:
    """Return imagehash's difference hash of a gray picture as a number of 64 bits."""
    return int.from_bytes(np.packbits(imagehash.dhash(gray).hash).tobytes())


def _measure(stack: np.ndarray, rows: Any) -> None:
    """Measure (pictures, height, width) uint8 and write into a row each."""
    flat = stack.reshape(len(stack), -1)
    brightness = flat.mean(axis=1)
    contrast = flat.std(axis=1)
    sharpness = _laplacian_variance(stack.astype(np.float32))
    for row, bright, contrasty, sharp in zip(rows, brightness, contrast, sharpness, strict=True):
        row["brightness"] = float(bright)
        row["contrast"] = float(contrasty)
        row["sharpness"] = float(sharp)


def _laplacian_variance(stack: np.ndarray) -> np.ndarray:
    """Return a number a picture; 0 where there are no inner pixels."""
    if min(stack.shape[1:]) < 3:  # noqa: PLR2004 - a pixel and its two neighbours
        return np.zeros(len(stack))
    edges = stack[:, 1:-1, :-2] + stack[:, 1:-1, 2:] + stack[:, :-2, 1:-1] + stack[:, 2:, 1:-1]
    edges -= 4 * stack[:, 1:-1, 1:-1]
    variance: np.ndarray = edges.reshape(len(stack), -1).var(axis=1)
    return variance
