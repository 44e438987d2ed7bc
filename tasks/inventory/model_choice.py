"""The images and the settings go in; the model that suits both, and why, comes out.

Photographs that are large enough get a network that has seen ImageNet: with its features a last
layer learns in seconds what a network from scratch doesn't learn in many minutes
(benchmarks/results/photos.md). Everything else gets the small network that computes least per
image, or, where a GPU makes operations cheap, the one that suits small colour images.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.inventory.columns import BYTES, ENTROPY, FORMAT, HEIGHT, MODE, WIDTH
from tasks.runtime.accelerators import has_gpu
from tasks.runtime.pretrained_weights import EXTRA, PRETRAINED, find_checkpoint

if TYPE_CHECKING:
    import pandas as pd

FAST, SMALL = "fast_cnn", "small_cnn"
# Pixels: the smallest input at which the features were measured.
PHOTO_SIDE = 160
# Pixels: up to this side small_cnn computes at full resolution all the way.
SMALL_SIDE = 64
# What a camera or a phone writes, and hardly a scanner, a plotter or a microscope.
PHOTO_FORMATS = frozenset(("JPEG", "MPO", "HEIF", "AVIF", "WEBP", "JXL"))
MOST = 0.5
# Lossless photographs take a byte or more per pixel, as their noise can't be compressed; drawings
# and screenshots take far less.
BYTES_PER_PIXEL = 1.0
# Bits: the histogram of a photograph is broad, that of a line drawing has two peaks.
PHOTO_ENTROPY = 4.0


@dataclass(frozen=True)
class ModelChoice:
    """A model's name, and why it was chosen, in words."""

    model: str
    reason: str


def choose_model(
    images: pd.DataFrame,
    *,
    color_mode: str,
    target_size: tuple[int, int] | None = None,
    gpu: bool | None = None,
) -> ModelChoice:
    """Choose between fast_cnn, small_cnn and the pretrained backbone.

    Args:
        images: height and width; format, mode, bytes and entropy as far as they are known.
        color_mode: what the model will be fed: grayscale, rgb or rgba.
        target_size: of the input, pixels, where it is set.
        gpu: whether it is trained on a GPU; by default as this machine has one.
    """
    gpu = has_gpu() if gpu is None else gpu
    area = images[HEIGHT].astype("float64") * images[WIDTH]
    side = min(target_size) if target_size else round(float(area.pow(0.5).median()))
    if side < PHOTO_SIDE:
        if gpu and color_mode == "rgb" and side <= SMALL_SIDE:
            return ModelChoice(SMALL, f"colour images of about {side} pixels, and a GPU")
        return ModelChoice(FAST, f"images of about {side} pixels")
    obstacle = _obstacle(images, area, color_mode)
    if obstacle is not None:
        return ModelChoice(FAST, obstacle)
    photos = f"{len(images)} colour photographs of about {side} pixels"
    if find_checkpoint() is None:
        return ModelChoice(FAST, f"{photos}; {PRETRAINED} would suit them better: {EXTRA}")
    return ModelChoice(PRETRAINED, f"{photos}, and ImageNet weights are installed")


def are_large_photographs(images: pd.DataFrame) -> bool:
    """Return whether most images are photographs, and large enough for the pretrained network.

    Args:
        images: height, width, format, mode, bytes and entropy.
    """
    if images.empty:
        return False
    area = images[HEIGHT].astype("float64") * images[WIDTH]
    return bool(area.pow(0.5).median() >= PHOTO_SIDE) and _are_photographs(images, area)


def _obstacle(images: pd.DataFrame, area: pd.Series, color_mode: str) -> str | None:
    """Return what speaks against the pretrained backbone, in words."""
    if color_mode != "rgb":
        return f"{color_mode} images; {PRETRAINED} was trained on colour images"
    if not _are_photographs(images, area):
        return "drawings or scans rather than photographs"
    return "several workers train together" if "TF_CONFIG" in os.environ else None


def _are_photographs(images: pd.DataFrame, area: pd.Series) -> bool:
    if FORMAT not in images:
        return False
    if ENTROPY in images and images[ENTROPY].median() < PHOTO_ENTROPY:
        return False
    photographs = images[FORMAT].isin(PHOTO_FORMATS)
    if BYTES in images:
        # A palette has one byte a pixel at most, whatever it shows.
        lossless = images[BYTES].astype("float64") / area >= BYTES_PER_PIXEL
        photographs |= lossless & images[MODE].ne("P")
    return bool(photographs.mean() > MOST)
