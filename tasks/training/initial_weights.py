"""Another model's weights go in; layers of this model with the same shapes start from them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras

from tasks.errors import SettingsError
from tasks.models.architectures import HEAD, leaf_layers

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger("pixelgate.training")


def load_base_weights(model: keras.Model, file: Path) -> None:
    """Load all but the last layer from a local file.

    Args:
        model: changed in place.
        file: .weights.h5 of a backbone of keras.applications or of a model with the same layers, or
            any .keras model.

    Raises:
        SettingsError: the file is missing, or nothing in it fits.
    """
    if not file.is_file():
        raise SettingsError(f"training.weights = {file}: there is no such file.")
    try:
        if file.suffix == ".keras":
            _require_some(copy_layers(keras.saving.load_model(file), model), file)
            return
        # A backbone's file holds the backbone alone, which is one layer of this model.
        nested = [layer for layer in model.layers if isinstance(layer, keras.Model)]
        (nested[0] if nested else model).load_weights(str(file))
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise SettingsError(f"training.weights = {file} does not fit: {reason}") from None


@dataclass(frozen=True)
class InitialModel:
    """A model whose weights a training starts from.

    Attributes:
        model: .keras file.
        version: of the registered model.
        classes: labels in the order of its outputs.
    """

    model: Path
    version: str
    classes: tuple[str, ...]


def load_champion_weights(
    model: keras.Model, champion: InitialModel, classes: tuple[str, ...]
) -> None:
    """Copy the weights of the model in production, layer by layer where shapes agree.

    Args:
        model: changed in place.
        champion: where they come from.
        classes: of this model; if its outputs mean something else, the last layer keeps its random
            weights.
    """
    source = keras.saving.load_model(champion.model)
    copied = copy_layers(source, model, with_head=champion.classes == classes)
    log.info("warm start: %d layers start from the weights of version %s", copied, champion.version)


def copy_layers(source: keras.Model, model: keras.Model, *, with_head: bool = False) -> int:
    """Copy weights between layers of the same kind and shape, in their order.

    Returns:
        How many layers were copied; copying ends at the first pair that differs.
    """
    copied = 0
    pairs = zip(
        _weighted(source, with_head=with_head), _weighted(model, with_head=with_head), strict=False
    )
    for theirs, ours in pairs:
        weights = theirs.get_weights()
        # Behind the first difference features mean something else, even where shapes agree again.
        if type(theirs) is not type(ours) or _shapes(theirs) != _shapes(ours):
            break
        ours.set_weights(weights)
        copied += 1
    return copied


def _weighted(model: keras.Model, *, with_head: bool) -> list[keras.Layer]:
    return [
        layer for layer in leaf_layers(model) if layer.weights and (with_head or layer.name != HEAD)
    ]


def _shapes(layer: keras.Layer) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]


def _require_some(copied: int, file: Path) -> None:
    if not copied:
        raise SettingsError(
            f"training.weights = {file}: no layer of it has the shape of this model's. Use the"
            " weights of the same training.model and color_mode."
        )
