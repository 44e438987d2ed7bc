"""Another model's weights go in; layers of this model with the same shapes start from them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras

from tasks.config.training import IMAGENET
from tasks.errors import SettingsError
from tasks.models.architectures import HEAD, leaf_layers
from tasks.models.pretrained import load_pretrained
from tasks.runtime.pretrained_weights import EXTRA, PRETRAINED

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


def load_imagenet_weights(model: keras.Model, name: str, cache: Path | None) -> None:
    """Load ImageNet weights into the base of a model.

    Args:
        model: as `build_model` returned it; changed in place.
        name: training.model: EfficientNetLite0, or a class of keras.applications, whose weights
            Keras downloads into its own folder.
        cache: folder of converted networks.

    Raises:
        SettingsError: they are not installed, or can't be downloaded, or the model has none.
        DamagedFileError: the installed file is not the one that is pinned.
    """
    base = next((layer for layer in model.layers if isinstance(layer, keras.Model)), None)
    source = load_pretrained(cache) if name == PRETRAINED else _download(name, base)
    assert base is not None  # noqa: S101 - both kinds of models have one
    base.set_weights(source.get_weights())


def _download(name: str, base: keras.Model | None) -> keras.Model:
    backbone = getattr(keras.applications, name.removeprefix("applications."), None)
    if base is None or not callable(backbone):
        raise SettingsError(
            f"training.weights = imagenet needs a backbone of keras.applications or {PRETRAINED} as"
            f" training.model. Received: {name}"
        )
    try:
        shape = base.input_shape[1:]
        return backbone(include_top=False, weights=IMAGENET, input_shape=shape, pooling="avg")
    except Exception as error:  # noqa: BLE001 - see below
        # Keras raises a plain Exception where it can't reach the server.
        reason = str(error).splitlines()[0]
        raise SettingsError(
            f"training.weights = imagenet: Keras can't load the weights of {name} ({reason}). They"
            " are downloaded once: run where there is a network, give a local file as"
            f" training.weights, or set training.model = {PRETRAINED}, whose weights come with"
            f" {EXTRA}."
        ) from None


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
