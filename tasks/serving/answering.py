"""A store goes in; the champion comes out, ready to answer: from its ONNX file, if it can.

TensorFlow takes seconds to start, onnxruntime a third of one. Both give the same answers, which was
verified when the version was registered.
"""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.models.prediction import predict
from tasks.registry.champion import require_champion
from tasks.registry.served_files import find_onnx

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from tasks.models.contract import InputContract
    from tasks.registry.mlflow_store import ModelStore
    from tasks.registry.served_files import ServedOnnx

ONNX, KERAS = "onnx", "keras"

log = logging.getLogger("pixelgate")


@dataclass(frozen=True)
class Answering:
    """The model in production, loaded.

    Attributes:
        version: of the registered model.
        format: of the file that answers: onnx or keras.
        contract: the model's input, and the meaning of its outputs.
        ask: takes (images, height, width, channels) uint8, returns the model's outputs, (images,
            outputs) float32.
    """

    version: str
    format: str
    contract: InputContract
    ask: Callable[[np.ndarray], np.ndarray]


def open_champion(store: ModelStore) -> Answering:
    """Load the model in production, from its ONNX file if it has a good one.

    Raises:
        NoChampionError: no model is in production.
        PixelgateError: its files are lost or damaged.
    """
    served = find_onnx(store)
    return (served and _open_onnx(served)) or _open_keras(store)


def _open_onnx(served: ServedOnnx) -> Answering | None:
    try:
        from tasks.exports.onnx_session import OnnxModel

        model = OnnxModel.open(served.file)
    except ImportError as error:
        log.warning(
            "onnxruntime can't be imported (%s): install it with `pip install onnxruntime`", error
        )
        return None
    except ValueError as error:
        log.warning("the ONNX file of version %s is not used: %s", served.version, error)
        return None
    return Answering(served.version, ONNX, model.contract, model.predict)


def _open_keras(store: ModelStore) -> Answering:
    champion = require_champion(store)
    log.info(
        "version %s answers from its .keras file, as it has no ONNX file that can be used;"
        " TensorFlow takes some seconds to start",
        champion.version,
    )
    import keras

    model = keras.saving.load_model(champion.file)

    ask = functools.partial(predict, model)
    return Answering(champion.version, KERAS, champion.contract, ask)
