"""Images go in; the same images after bad light, a cheap camera or careless saving come out.

Eight of the corruptions of ImageNet-C (Hendrycks and Dietterich, Benchmarking Neural Network
Robustness, 2019), in three severities, made with NumPy and Pillow; of their kind, not of their
numbers, as images here are of any size.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Callable

    Corruption = Callable[[np.ndarray, np.random.Generator, int], np.ndarray]

SEVERITIES = (1, 2, 3)
WHITE = 255.0
# By severity. Noise: standard deviation, in shares of white; photons a pixel; share of pixels.
GAUSSIAN, PHOTONS, IMPULSES = (0.06, 0.12, 0.2), (80, 25, 10), (0.02, 0.06, 0.12)
# Radius in shares of the shorter side; what is added, and what is left of the contrast.
BLUR, BRIGHTER, CONTRAST = (0.01, 0.02, 0.035), (0.1, 0.2, 0.35), (0.6, 0.4, 0.2)
# Of JPEG; and what is left of each side.
QUALITY, PIXELS = (30, 15, 8), (0.6, 0.4, 0.25)


def corrupt(images: np.ndarray, name: str, severity: int, *, seed: int) -> np.ndarray:
    """Corrupt images.

    Args:
        images: (images, height, width, channels) uint8.
        name: one of CORRUPTIONS.
        severity: 1, 2 or 3.
        seed: of what is random.

    Returns:
        The same shape and dtype.
    """
    random = np.random.default_rng([seed, severity])
    changed: np.ndarray = CORRUPTIONS[name](images, random, severity - 1)
    return changed


def _gaussian_noise(images: np.ndarray, random: np.random.Generator, level: int) -> np.ndarray:
    noise = random.normal(0, WHITE * GAUSSIAN[level], images.shape)
    return _rounded(images + noise)


def _shot_noise(images: np.ndarray, random: np.random.Generator, level: int) -> np.ndarray:
    photons = PHOTONS[level]
    return _rounded(random.poisson(images / WHITE * photons) * (WHITE / photons))


def _impulse_noise(images: np.ndarray, random: np.random.Generator, level: int) -> np.ndarray:
    # A pixel fails in all of its channels.
    hit = random.random(images.shape[:3]) < IMPULSES[level]
    value = np.where(random.random(images.shape[:3]) < 0.5, 0, 255).astype(np.uint8)  # noqa: PLR2004 - half of them
    return np.where(hit[..., None], value[..., None], images)


def _defocus_blur(images: np.ndarray, _: np.random.Generator, level: int) -> np.ndarray:
    radius = max(0.5, BLUR[level] * min(images.shape[1:3]))
    return _by_pillow(images, lambda image: image.filter(ImageFilter.GaussianBlur(radius)))


def _brightness(images: np.ndarray, _: np.random.Generator, level: int) -> np.ndarray:
    return _rounded(images + WHITE * BRIGHTER[level])


def _contrast(images: np.ndarray, _: np.random.Generator, level: int) -> np.ndarray:
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    return _rounded(mean + CONTRAST[level] * (images - mean))


def _pixelate(images: np.ndarray, _: np.random.Generator, level: int) -> np.ndarray:
    def change(image: Image.Image) -> Image.Image:
        small = [max(1, round(PIXELS[level] * side)) for side in image.size]
        shrunk = image.resize((small[0], small[1]), Image.Resampling.BOX)
        return shrunk.resize(image.size, Image.Resampling.NEAREST)

    return _by_pillow(images, change)


def _jpeg_compression(images: np.ndarray, _: np.random.Generator, level: int) -> np.ndarray:
    def change(image: Image.Image) -> Image.Image:
        data = io.BytesIO()
        opaque = image.convert("RGB") if image.mode == "RGBA" else image
        opaque.save(data, "JPEG", quality=QUALITY[level])
        # What was transparent is opaque then: a JPEG has no alpha.
        return Image.open(data).convert(image.mode)

    return _by_pillow(images, change)


CORRUPTIONS: dict[str, Corruption] = {
    "gaussian_noise": _gaussian_noise,
    "shot_noise": _shot_noise,
    "impulse_noise": _impulse_noise,
    "defocus_blur": _defocus_blur,
    "brightness": _brightness,
    "contrast": _contrast,
    "pixelate": _pixelate,
    "jpeg_compression": _jpeg_compression,
}


def _rounded(values: np.ndarray) -> np.ndarray:
    rounded: np.ndarray = np.rint(values).clip(0, WHITE).astype(np.uint8)
    return rounded


def _by_pillow(images: np.ndarray, change: Callable[[Image.Image], Image.Image]) -> np.ndarray:
    """Change images one by one; those of one channel have no axis for it in Pillow."""
    plain = images.squeeze(-1) if images.shape[-1] == 1 else images
    changed: np.ndarray = np.stack(
        [np.asarray(change(Image.fromarray(image))) for image in plain]
    ).reshape(images.shape)
    return changed
