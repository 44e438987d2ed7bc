"""Chooses what a model is fed, from the settings or else from the images themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.errors import DataFolderError, SettingsError
from tasks.generators.decoding import Decoding
from tasks.inventory.columns import LABEL, SPLIT, TRAIN
from tasks.inventory.input_choice import InputChoice, choose_input
from tasks.inventory.value_ranges import value_range_of
from tasks.models.contract import InputContract

if TYPE_CHECKING:
    import pandas as pd

    from tasks.config.generators import GeneratorConfig


def choose_contract(
    images: pd.DataFrame, settings: GeneratorConfig, *, model: str | None = None
) -> tuple[InputContract, str]:
    """Choose classes, size and colour mode of a model's input.

    Args:
        images: readable rows of an inventory.
        settings: target_size, color_mode and resize, where they are set, take precedence.
        model: its name, by which a size is chosen; by default the one that suits the images.

    Returns:
        The contract, and why it has this size, in words.

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
    choice = choose_input(images[images[SPLIT] == TRAIN], settings, model=model)
    contract = InputContract(
        classes=classes,
        height=choice.height,
        width=choice.width,
        color_mode=choice.color_mode,
        class_mode=settings.class_mode,
        resize=choice.resize,
        value_range=value_range_of(images, settings.value_range),
    )
    return contract, choice.reason


def decoding_for(choice: InputChoice) -> Decoding:
    """Return the decoding that makes images such an input."""
    size = (choice.height, choice.width)
    return Decoding(size, choice.color_mode, choice.resize, choice.value_range)
