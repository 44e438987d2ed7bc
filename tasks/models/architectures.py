"""A model's name and its input contract go in; an untrained Keras model comes out.

Every model takes the images as they are decoded, uint8 in [0, 255], and rescales them itself, so
that training, evaluation and serving can't disagree; it returns probabilities.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import keras
from keras import layers

from tasks.config.training import AUTO, IMAGENET
from tasks.embedding.lite_structure import DEVIATION, MEAN
from tasks.errors import SettingsError
from tasks.models.efficientnet_lite import efficientnet_lite0
from tasks.runtime.pretrained_weights import PRETRAINED
from tasks.runtime.user_code import import_by_path, users_code, wrong_result

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.config.training import TrainingConfig
    from tasks.models.contract import InputContract

    Body = Callable[[keras.KerasTensor, float | None], keras.KerasTensor]

HEAD, WHITENING = "probabilities", "whitening"
# Of fast_cnn's first layer: its kernel, and the shortest sides of images, in pixels, from which on
# it has a stride of two and no padding.
STEM_KERNEL, STEM_SIDE, UNPADDED_SIDE = 5, 16, 28
# Whitened directions per channel; those in which patches differ least are mostly noise.
DIRECTIONS = 8
# Sides of feature maps, in pixels, down to which large images are halved.
SMALLEST_MAP = 7
LARGEST_STEM = 48
# Five strides of two leave one pixel of it.
LITE_SIDE = 32
LOGITS_SCALE = 1 / 9
# Small data sets give few steps: with a slower moving average, validation of the first epochs would
# measure little but the average's initial value.
BATCH_NORM_MOMENTUM = 0.8


def build_model(
    contract: InputContract,
    settings: TrainingConfig,
    *,
    rescale: float | None,
    kind: type[keras.Model] = keras.Model,
) -> keras.Model:
    """Build a model by name.

    Args:
        contract: gives the input's shape, the classes and the class mode.
        settings: the model's name, its dropout and its weights.
        rescale: factor on the pixel values, or None for 1.
        kind: class of the model, such as one with a training step of its own.

    Returns:
        A model from (batch, height, width, channels) uint8 to (batch, classes) float32
        probabilities; to (batch, 1), the probability of the second class, if class_mode is binary.

    Raises:
        SettingsError: no model has this name, or it can't take this input or these weights.
    """
    inputs = keras.Input(contract.shape, dtype="uint8", name="images")
    rescaled = layers.Rescaling(1.0 if rescale is None else rescale, name="rescale")(inputs)
    body = _body(contract, settings, 1.0 if rescale is None else rescale)
    features = body(rescaled, settings.dropout)
    binary = contract.class_mode == "binary"
    probabilities = layers.Dense(
        1 if binary else len(contract.classes),
        activation="sigmoid" if binary else "softmax",
        # Half precision has too few digits for probabilities near 0 and 1.
        dtype="float32",
        name=HEAD,
    )(features)
    return kind(inputs, probabilities, name=_plain_name(settings.model))


def basic_cnn(images: keras.KerasTensor, dropout: float | None = None) -> keras.KerasTensor:
    """Map (batch, h, w, c) float32 to (batch, 512): the tutorial's 32-32-pool-64-64-pool-512.

    Dropout defaults to the tutorial's 0.5.
    """
    features = images
    for filters in (32, 64):
        for _ in range(2):
            features = layers.Conv2D(filters, 3, padding="same", activation="relu")(features)
        features = layers.MaxPooling2D()(features)
    features = layers.Dense(512, activation="relu")(layers.Flatten()(features))
    return layers.Dropout(0.5 if dropout is None else dropout)(features)


def fast_cnn(images: keras.KerasTensor, dropout: float | None = None) -> keras.KerasTensor:
    """Map (batch, h, w, c) float32 to (batch, 128): two strides, then small convolutions.

    On a CPU operations per image cost the time, so resolution falls before width grows; large
    images pass more strided stages until the map is small. The 5 x 5 first layer is whitened and
    doesn't learn, so that no gradient is computed where the map is largest. Dropout defaults to
    0.2. Compared with others in docs/decisions/0007.
    """
    side = min(images.shape[1:3])
    kernel = min(STEM_KERNEL, side)
    features = _whiten(
        images,
        min(DIRECTIONS, kernel**2) * images.shape[3],
        kernel=kernel,
        strides=2 if side >= STEM_SIDE else 1,
        # Padding would keep only the border, at the cost of a third of all operations.
        padding="valid" if side >= UNPADDED_SIDE else "same",
    )
    features = _shrink(features, 32, largest=2 * SMALLEST_MAP)
    features = _convolve(features, 64, strides=2)
    features = _convolve(features, 64)
    features = _convolve(features, 128, strides=2)
    features = _convolve(features, 128)
    return _pooled(features, 0.2 if dropout is None else dropout)


def small_cnn(images: keras.KerasTensor, dropout: float | None = None) -> keras.KerasTensor:
    """Map (batch, h, w, c) float32 to (batch, 192): full resolution first, then pooled thrice.

    For small colour images such as CIFAR-10's, whose class shows in fine detail; sixteen times the
    operations of fast_cnn. A narrower airbench (Jordan, 94% on CIFAR-10 in 3.29 seconds, 2024): a
    2 x 2 first layer that is whitened and doesn't learn, blocks that pool between convolution and
    batch normalisation, a maximum over the last map, and small logits, so that the first steps are
    not overconfident. Dropout defaults to 0.1.
    """
    features = _whiten(images, 2 * 2 * images.shape[3], kernel=2)
    features = _shrink(features, 32, largest=LARGEST_STEM)
    for filters in (48, 128, 192):
        features = layers.Conv2D(filters, 3, padding="same", use_bias=False)(features)
        features = layers.MaxPooling2D(padding="same")(features)
        features = layers.ReLU()(_normalise(features))
        features = _convolve(features, filters)
    features = layers.GlobalMaxPooling2D()(features)
    features = layers.Dropout(0.1 if dropout is None else dropout)(features)
    return layers.Rescaling(LOGITS_SCALE, name="logits_scale")(features)


MODELS: dict[str, Body] = {
    "basic_cnn": basic_cnn,
    "fast_cnn": fast_cnn,
    "small_cnn": small_cnn,
}


def _whiten(
    images: keras.KerasTensor, directions: int, *, kernel: int, **options: Any
) -> keras.KerasTensor:
    """A first layer whose filters `training.whitening` sets from the images."""
    # Twice the directions: behind ReLU a filter and its negative together lose nothing.
    return layers.Conv2D(
        2 * directions, kernel, activation="relu", trainable=False, name=WHITENING, **options
    )(images)


def _convolve(features: keras.KerasTensor, filters: int, *, strides: int = 1) -> keras.KerasTensor:
    # Batch normalisation subtracts the mean, and with it any bias.
    features = layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(features)
    return layers.ReLU()(_normalise(features))


def _normalise(features: keras.KerasTensor) -> keras.KerasTensor:
    return layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM)(features)


def _shrink(features: keras.KerasTensor, filters: int, *, largest: int) -> keras.KerasTensor:
    """Halve the map until its shorter side is at most `largest`."""
    while min(features.shape[1:3]) > largest:
        features = _convolve(features, filters, strides=2)
    return features


def _pooled(features: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    return layers.Dropout(dropout)(layers.GlobalAveragePooling2D()(features))


def _body(contract: InputContract, settings: TrainingConfig, rescale: float) -> Body:
    # Where nobody has looked at the images, auto is the model for any of them.
    name = settings.model if settings.model != AUTO else "fast_cnn"
    if name in MODELS:
        return MODELS[name]
    if name == PRETRAINED:
        return _lite0(contract, rescale)
    if ":" in name:
        return _imported(name, contract)
    backbone = getattr(keras.applications, name.removeprefix("applications."), None)
    if callable(backbone):
        return _backbone(backbone, contract, settings, rescale)
    raise SettingsError(
        f"training.model must be auto, one of {', '.join(MODELS)}, {PRETRAINED}, a class of"
        " keras.applications such as MobileNetV2, or package.module:function."
        f" Received: {name}"
    )


def _lite0(contract: InputContract, rescale: float) -> Body:
    if contract.color_mode != "rgb" or min(contract.size) < LITE_SIDE:
        raise SettingsError(
            f"training.model = {PRETRAINED} takes rgb images of {LITE_SIDE} pixels or more. Set"
            " generators.color_mode and generators.target_size, or training.model = fast_cnn."
            f" Received: {contract.height} x {contract.width} pixels, {contract.color_mode}"
        )

    def body(images: keras.KerasTensor, dropout: float | None) -> keras.KerasTensor:
        # From what the rescaling before it makes of [0, 255] to what the network was trained on.
        scale, offset = 1 / (rescale * DEVIATION), -MEAN / DEVIATION
        scaled = layers.Rescaling(scale, offset, name="scale")(images)
        features = efficientnet_lite0(contract.shape)(scaled)
        return layers.Dropout(0.2 if dropout is None else dropout)(features)

    return body


def _imported(path: str, contract: InputContract) -> Body:
    """Wrap the user's function (input_shape) -> keras.Model of features or of a whole network."""
    setting = "training.model"
    function = import_by_path(path, setting)

    def body(images: keras.KerasTensor, dropout: float | None) -> keras.KerasTensor:
        with users_code(path, setting):
            network = function(input_shape=contract.shape)
            if not callable(network):
                raise wrong_result(network, "a Keras model", path, setting)
            features = network(images)
        shape = getattr(features, "shape", ())
        if len(shape) != 2:  # noqa: PLR2004 - batch and features
            expected = "a Keras model with an output of shape (batch, features)"
            raise wrong_result(shape or features, expected, path, setting)
        return layers.Dropout(dropout)(features) if dropout else features

    return body


def _backbone(
    backbone: Any, contract: InputContract, settings: TrainingConfig, rescale: float
) -> Body:
    def body(images: keras.KerasTensor, dropout: float | None) -> keras.KerasTensor:
        try:
            # Weights are loaded later: a training that resumes has them already.
            network = backbone(
                include_top=False, weights=None, input_shape=contract.shape, pooling="avg"
            )
        except ValueError as error:
            raise SettingsError(
                f"training.model = {settings.model} can't be built for images of shape"
                f" {contract.shape}: {error}"
            ) from None
        if settings.weights == IMAGENET:
            images = _as_on_imagenet(images, backbone, rescale)
        features = network(images)
        return layers.Dropout(dropout)(features) if dropout else features

    return body


def _as_on_imagenet(images: keras.KerasTensor, backbone: Any, rescale: float) -> keras.KerasTensor:
    """Undo the rescaling, and scale as the backbone's weights expect."""
    pixels = layers.Rescaling(1 / rescale, name="pixels")(images)
    # Each family has its own function, in the module of its classes.
    return sys.modules[backbone.__module__].preprocess_input(pixels)


def _plain_name(name: str) -> str:
    # Keras allows no slash in names, TensorFlow no colon.
    return "".join(letter if letter.isalnum() else "_" for letter in name)


def leaf_layers(model: keras.Model) -> list[keras.Layer]:
    """Return the layers of a model and of the models nested in it, in their order."""
    leaves: list[keras.Layer] = []
    for layer in model.layers:
        leaves.extend(leaf_layers(layer) if isinstance(layer, keras.Model) else [layer])
    return leaves
