"""The weights of another model go in; those of this one that have the same shape are set."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras

from tasks.errors import SettingsError
from tasks.models.architectures import HEAD
from tasks.training.phases import leaf_layers

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger("pixelgate.training")


def load_base_weights(model: keras.Model, file: Path) -> None:
    """Load all but the last layer from a local file.

    Args:
        model: changed in place.
        file: .weights.h5 of a backbone of keras.applications or of a model of the same layers, or
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
        inner = [layer for layer in model.layers if isinstance(layer, keras.Model)]
        (inner[0] if inner else model).load_weights(str(file))
    except (OSError, ValueError) as error:
        told = str(error).splitlines()[0]
        raise SettingsError(f"training.weights = {file} does not fit: {told}") from None


@dataclass(frozen=True)
class InitialModel:
    """A model whose weights a training begins with.

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
    """Take over the weights of the model in production, layer by layer where shapes agree.

    Args:
        model: changed in place.
        champion: where they come from.
        classes: of this model; if its outputs mean something else, the last layer learns anew.
    """
    source = keras.saving.load_model(champion.model)
    taken = copy_layers(source, model, with_head=champion.classes == classes)
    log.info("warm start: %d layers begin with the weights of version %s", taken, champion.version)


def copy_layers(source: keras.Model, model: keras.Model, *, with_head: bool = False) -> int:
    """Copy weights between layers of the same kind and shape, in their order.

    Returns:
        How many layers were set; copying ends at the first pair that differs.
    """
    taken = 0
    pairs = zip(
        _weighted(source, with_head=with_head), _weighted(model, with_head=with_head), strict=False
    )
    for theirs, ours in pairs:
        weights = theirs.get_weights()
        if type(theirs) is not type(ours) or _shapes(theirs) != _shapes(ours):
            break
        ours.set_weights(weights)
        taken += 1
    return taken


def _weighted(model: keras.Model, *, with_head: bool) -> list[keras.Layer]:
    return [
        layer for layer in leaf_layers(model) if layer.weights and (with_head or layer.name != HEAD)
    ]


def _shapes(layer: keras.Layer) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]


def _require_some(taken: int, file: Path) -> None:
    if not taken:
        raise SettingsError(
            f"training.weights = {file}: no layer of it has the shape of this model's. Give the"
            " weights of the same training.model and color_mode."
        )
