"""Chooses what a model is fed, from the settings or else from the images themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.errors import DataFolderError, SettingsError
from tasks.generators.decoding import Decoding
from tasks.inventory.columns import CHANNELS, HEIGHT, LABEL, MODE, SPLIT, TRAIN, WIDTH
from tasks.models.contract import InputContract

if TYPE_CHECKING:
    import pandas as pd

    from tasks.config.generators import GeneratorConfig

COLOR_MODE_OF = {"1": "grayscale", "L": "grayscale", "LA": "grayscale", "F": "grayscale"}


def choose_contract(images: pd.DataFrame, settings: GeneratorConfig) -> InputContract:
    """Choose classes, size and colour mode of a model's input.

    Args:
        images: readable rows of an inventory.
        settings: target_size and color_mode, where they are set, take precedence.

    Raises:
        DataFolderError: there are fewer than two classes.
        SettingsError: class_mode is binary and there are more than two classes.
    """
    classes = tuple(sorted(set(images[LABEL])))
    if len(classes) < 2:  # noqa: PLR2004 - a choice needs two
        raise DataFolderError(f"A classifier needs two classes or more. Found: {list(classes)}")
    if settings.class_mode == "binary" and len(classes) != 2:  # noqa: PLR2004 - this or that
        raise SettingsError(
            f"generators.class_mode = binary needs exactly two classes. Found {len(classes)}; use"
            " categorical."
        )
    # The model is made for what it is trained on, not for what happens to be in the other splits.
    decoding = choose_decoding(images[images[SPLIT] == TRAIN], settings)
    return InputContract(
        classes=classes,
        height=decoding.size[0],
        width=decoding.size[1],
        color_mode=decoding.color_mode,
        class_mode=settings.class_mode,
        resize=decoding.resize,
    )


def choose_decoding(images: pd.DataFrame, settings: GeneratorConfig) -> Decoding:
    """Choose size and colour mode, where they are not set, as most of the images have them.

    Args:
        images: height, width, mode and channels of the images to choose by.
        settings: target_size, color_mode and resize.
    """
    height, width = settings.target_size or _most_frequent(images, [HEIGHT, WIDTH])
    color_mode = settings.color_mode or _most_frequent_color_mode(images)
    return Decoding((int(height), int(width)), color_mode, settings.resize)


def _most_frequent(images: pd.DataFrame, columns: list[str]) -> tuple[Any, ...]:
    values: tuple[Any, ...] = images.value_counts(columns).index[0]
    return values


def _most_frequent_color_mode(images: pd.DataFrame) -> str:
    mode, _ = _most_frequent(images, [MODE, CHANNELS])
    # Pillow has several integer modes (I, I;16, I;16B, ...), all of them one channel of gray.
    if mode.startswith("I"):
        return "grayscale"
    # All others, such as palettes and CMYK, are colours; only RGBA keeps its transparency.
    return COLOR_MODE_OF.get(mode, "rgba" if mode == "RGBA" else "rgb")
