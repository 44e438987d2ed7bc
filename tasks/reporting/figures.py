"""Numbers and images go in; PNG files come out, without pyplot's global state.

Images are shown as one array on one pair of axes: axes of its own for each image take some fifty
times as long.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from tasks.inventory.columns import HEIGHT, SPLITS, WIDTH, counts_by_split
from tasks.reporting.image_mosaic import WHITE, Mosaic
from tasks.storage.atomic import atomic_write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from matplotlib.axes import Axes

DPI = 110
HEAT_ALPHA = 0.65
# Inches; a title needs them.
LEAST_WIDTH = 2.8
# They differ in lightness too, for colour-blind readers and grayscale prints.
INK, SECOND = "#1f4e79", "#d1495b"
# With more, numbers in the cells of a confusion matrix can't be read.
MANY_CLASSES = 20


def draw_image_grid(rows: Sequence[tuple[str, np.ndarray]], file: Path, *, title: str) -> Path:
    """Draw one row of images for each name.

    Args:
        rows: name and (images, height, width, channels) uint8.
        file: PNG to write.
        title: above the grid.
    """
    columns = max(len(images) for _, images in rows)
    mosaic = Mosaic(rows[0][1].shape[1:3], len(rows), columns, gap=0.06, above=0.06)
    # A class may have fewer images than the grid has columns.
    cells = [image for _, images in rows for image in [*images, *[None] * (columns - len(images))]]
    names = [_in_lines(name) for name, _ in rows]
    longest = max(len(line) for name in names for line in name.splitlines())
    figure, axis = _mosaic_axis(mosaic, width=0.75, left=0.3 + 0.08 * longest, top=0.4)
    _show_images(axis, mosaic, cells)
    for number, name in enumerate(names):
        down = mosaic.corner(number * columns)[0] + mosaic.size[0] / 2
        axis.text(-0.1 * mosaic.cell[1], down, name, ha="right", va="center", fontsize=8)
    figure.suptitle(title, fontsize=10)
    return _save(figure, file)


def draw_mistakes(
    images: np.ndarray, captions: Sequence[str], file: Path, *, heat: np.ndarray | None = None
) -> Path:
    """Draw images with a caption under each.

    Args:
        images: (images, height, width, channels) uint8.
        captions: one per image.
        file: PNG to write.
        heat: (images, map height, map width) in [0, 1], laid over the images; None for none.
    """
    columns = min(8, len(images))
    texts = ["\n".join(map(_in_lines, caption.splitlines())) for caption in captions]
    lines = max(text.count("\n") + 1 for text in texts)
    rows = -(-len(images) // columns)
    mosaic = Mosaic(images.shape[1:3], rows, columns, gap=0.12, above=0.06 + 0.12 * lines)
    figure, axis = _mosaic_axis(mosaic, width=1.2)
    _show_images(axis, mosaic, list(images))
    if heat is not None:
        _show_heat(axis, mosaic, heat)
    for number, text in enumerate(texts):
        top, left = mosaic.corner(number)
        above = (left + mosaic.size[1] / 2, top - 0.5)
        axis.annotate(
            text, above, xytext=(0, 2), textcoords="offset points", ha="center", fontsize=7
        )
    return _save(figure, file)


def draw_reliability(bins: Sequence[dict[str, float]], file: Path) -> Path:
    """Draw how often answers of a confidence are right, and how many there are of each."""
    figure = Figure(figsize=(4, 4), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    left = [each["low"] for each in bins]
    width = [each["high"] - each["low"] for each in bins]
    upper.bar(left, [each["accuracy"] for each in bins], width, align="edge", color=INK)
    upper.plot([0, 1], [0, 1], color=SECOND, linestyle="--", label="perfectly calibrated")
    upper.set_ylabel("accuracy")
    upper.set_ylim(0, 1)
    upper.legend(fontsize=8, loc="upper left")
    lower.bar(left, [each["images"] for each in bins], width, align="edge", color="#6c9dc6")
    lower.set_xlabel("confidence")
    lower.set_ylabel("images")
    return _save(figure, file)


def draw_size_histogram(inventory: pd.DataFrame, file: Path) -> Path:
    """Draw histograms of the images' heights and widths, in pixels."""
    figure = Figure(figsize=(6, 2.8), layout="constrained")
    for axis, column in zip(figure.subplots(1, 2, sharey=True), (HEIGHT, WIDTH), strict=True):
        axis.hist(inventory[column].dropna().astype(int), bins=30, color=INK)
        axis.set_xlabel(f"{column} (pixels)")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.axes[0].set_ylabel("images")
    return _save(figure, file)


def draw_class_counts(inventory: pd.DataFrame, file: Path) -> Path:
    """Draw how many images each class has, by split."""
    counts = counts_by_split(inventory)
    figure = Figure(figsize=(max(5, 0.35 * len(counts)), 3), layout="constrained")
    axis = figure.subplots()
    bottom = np.zeros(len(counts))
    for split, color in zip(SPLITS, (INK, "#6c9dc6", "#e0a458"), strict=True):
        axis.bar(counts.index.astype(str), counts[split], bottom=bottom, label=split, color=color)
        bottom += counts[split].to_numpy()
    axis.tick_params(axis="x", rotation=0 if len(counts) <= MANY_CLASSES / 2 else 90)
    axis.set_ylabel("images")
    axis.legend(fontsize=8)
    return _save(figure, file)


def draw_history(history: pd.DataFrame, file: Path) -> Path:
    """Draw loss and accuracy of train and validation by epoch."""
    figure = Figure(figsize=(7, 2.8), layout="constrained")
    for axis, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        axis.plot(history["epoch"] + 1, history[name], color=INK, marker=".", label="train")
        axis.plot(
            history["epoch"] + 1, history[f"val_{name}"], color=SECOND, marker=".",
            label="validation",
        )  # fmt: skip
        axis.set_xlabel("epoch")
        axis.set_ylabel(name)
        axis.legend(fontsize=8)
    return _save(figure, file)


def draw_trials(scores: Sequence[float | None], file: Path) -> Path:
    """Draw the score of each trial of a search, and the best score so far."""
    # A trial that failed has no score: a gap in the plot, which fmax skips.
    values = np.array([np.nan if score is None else score for score in scores])
    figure = Figure(figsize=(6, 2.8), layout="constrained")
    axis = figure.subplots()
    axis.plot(values, ".", color=INK, label="trial")
    axis.step(
        range(len(values)), np.fmax.accumulate(values), where="post", color=SECOND,
        label="best so far",
    )  # fmt: skip
    axis.set_xlabel("trial")
    axis.set_ylabel("validation accuracy")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(fontsize=8)
    return _save(figure, file)


def draw_confusion(confusion: Sequence[Sequence[int]], classes: Sequence[str], file: Path) -> Path:
    """Draw the confusion matrix, counts in the cells where there are few enough classes."""
    counts = np.asarray(confusion)
    # Colours by share of the row, so that small classes are as visible as large ones.
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = max(3.5, 0.42 * len(classes))
    figure = Figure(figsize=(side + 0.6, side), layout="constrained")
    axis = figure.subplots()
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(classes) <= MANY_CLASSES:
        for (row, column), count in np.ndenumerate(counts):
            if count:
                color = "white" if shares[row, column] > 0.5 else "black"  # noqa: PLR2004 - half of the colour map
                axis.text(column, row, count, ha="center", va="center", fontsize=7, color=color)
    axis.set_xticks(range(len(classes)), classes, rotation=90, fontsize=8)
    axis.set_yticks(range(len(classes)), classes, fontsize=8)
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    return _save(figure, file)


def _in_lines(caption: str) -> str:
    """Return a text in lines of which, in size 7, each is no longer than 1.2 inches."""
    return textwrap.fill(caption, 20)


def _mosaic_axis(
    mosaic: Mosaic, *, width: float, left: float = 0.0, top: float = 0.0
) -> tuple[Figure, Axes]:
    """Return a figure and axes that a mosaic fills.

    Args:
        mosaic: what will be shown.
        width: of a cell, inches.
        left: what is free beside it, inches.
        top: what is free above it, inches.
    """
    high, wide = (width / mosaic.cell[1] * side for side in mosaic.shape)
    whole = max(LEAST_WIDTH, left + wide)
    figure = Figure(figsize=(whole, top + high))
    box = (left / whole, 0, wide / whole, high / (top + high))
    return figure, figure.add_axes(box)


def _show_images(axis: Axes, mosaic: Mosaic, images: Sequence[np.ndarray | None]) -> None:
    """Show images, each (height, width, channels) uint8."""
    picture = mosaic.arrange(images, WHITE)
    gray = picture.shape[-1] == 1
    axis.axis("off")
    # Fixed limits, or matplotlib would stretch the contrast.
    axis.imshow(
        picture[..., 0] if gray else picture,
        cmap="gray" if gray else None,
        vmin=0,
        vmax=WHITE,
        aspect="auto",
    )


def _show_heat(axis: Axes, mosaic: Mosaic, heat: np.ndarray) -> None:
    """Lay (images, map height, map width) float32 in [0, 1] over the images that are shown."""
    height, width = mosaic.size
    maps = [
        np.asarray(Image.fromarray(each).resize((width, height), Image.Resampling.BILINEAR))
        for each in heat.astype(np.float32)
    ]
    picture = mosaic.arrange(maps, 0.0)
    axis.imshow(
        picture, cmap="inferno", alpha=HEAT_ALPHA * picture.clip(0, 1), vmin=0, vmax=1,
        aspect="auto",
    )  # fmt: skip


def _save(figure: Figure, file: Path) -> Path:
    with atomic_write(file) as temporary:
        figure.savefig(temporary, dpi=DPI)
    return file
