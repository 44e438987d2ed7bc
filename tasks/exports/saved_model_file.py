"""A Keras model goes in; a TensorFlow SavedModel comes out that answers the bytes of image files.

The folder needs nothing but TensorFlow: it decodes, turns and scales files as Pillow does.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from PIL import Image

from tasks.exports.graph_decoding import decode_files
from tasks.generators.decoding import decoding_of
from tasks.inventory.orientation import EXIF_ORIENTATION
from tasks.models.prediction import images_at_once
from tasks.storage.atomic import write_json

if TYPE_CHECKING:
    from pathlib import Path

    import keras

    from tasks.generators.decoding import Decoding
    from tasks.models.contract import InputContract

SIGNATURE, FILES, PROBABILITIES = "serving_default", "image_bytes", "probabilities"
# Where TensorFlow leaves room for files that are not its own.
CONTRACT = "assets.extra/pixelgate_contract.json"
# Images whose decoding is compared in other sizes and formats, and the largest difference: where a
# processor multiplies and adds in one step, Pillow rounds a few weights of its own otherwise.
COMPARED, LEVELS = 8, 1
ON_ITS_SIDE = 6
# No limit: the files are made here.
MAX_PIXELS = 2**31


def write_saved_model(network: keras.Model, contract: InputContract, folder: Path) -> None:
    """Write a model as a SavedModel, from (batch,) string to (batch, outputs) probabilities.

    Args:
        network: loaded.
        contract: how files become its input; kept in the folder.
        folder: to write.
    """
    decoding, files = decoding_of(contract), [tf.TensorSpec((None,), tf.string, FILES)]
    module = tf.Module()
    # Named here, as only what a module names is saved with it.
    module.weights = [variable.value for variable in network.variables]
    module.decode = tf.function(
        lambda data: decode_files(data, decoding), input_signature=files, autograph=False
    )
    answer = tf.function(
        lambda data: {PROBABILITIES: network(module.decode(data), training=False)},
        input_signature=files,
        autograph=False,
    )
    tf.saved_model.save(module, str(folder), signatures={SIGNATURE: answer})
    write_json(folder / CONTRACT, contract.as_dict())


def predict_saved_model(folder: Path, contract: InputContract, images: np.ndarray) -> np.ndarray:
    """Return a SavedModel's outputs for images, which it gets as PNG files.

    Args:
        folder: as `write_saved_model` wrote it.
        contract: what it must decode files to.
        images: (images, height, width, channels) uint8.

    Returns:
        (images, outputs) float32.

    Raises:
        ValueError: it decodes files otherwise than Pillow.
    """
    loaded = tf.saved_model.load(str(folder))
    _require_alike(loaded, decoding_of(contract), images[:COMPARED])
    answer = loaded.signatures[SIGNATURE]
    files = [_encoded(image, "PNG") for image in _opened(images)]
    size = images_at_once(contract.shape)
    starts = range(0, len(files), size)
    answers = [answer(tf.constant(files[start : start + size])) for start in starts]
    return np.concatenate([each[PROBABILITIES].numpy() for each in answers])


def _require_alike(loaded: Any, decoding: Decoding, images: np.ndarray) -> None:
    files = [file for image in _opened(images) for file in _in_other_forms(image)]
    decoded = loaded.decode(tf.constant(files)).numpy().astype(int)
    expected = np.stack([decoding.decode(file, MAX_PIXELS) for file in files])
    difference = np.abs(decoded - expected).max()
    if difference > LEVELS:
        raise ValueError(f"it decodes files otherwise than Pillow: by up to {difference} of 255")


def _in_other_forms(image: Image.Image) -> list[bytes]:
    """Return files of other sizes: a large JPEG on its side, a small PNG, a GIF with a palette."""
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = ON_ITS_SIDE
    large = image.convert("RGB").resize((image.width * 3 + 1, image.height * 2 + 1))
    small = image.resize((image.width // 2 + 1, image.height // 3 + 1))
    return [
        _encoded(large, "JPEG", exif=exif),
        _encoded(small, "PNG"),
        _encoded(large.convert("P"), "GIF"),
    ]


def _opened(images: np.ndarray) -> list[Image.Image]:
    return [Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image) for image in images]


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
