"""An ONNX file goes in; probabilities come out, without TensorFlow or Keras.

The file describes itself: its metadata hold the input contract, so that it can be served alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from tasks.models.contract import InputContract
from tasks.models.prediction import images_at_once

if TYPE_CHECKING:
    from pathlib import Path

# Names of the graph's input and output, and of the contract in its metadata.
IMAGES, PROBABILITIES, CONTRACT = "images", "probabilities", "pixelgate_contract"
# Of onnxruntime's log: errors only, since its warnings are about how a graph could be faster.
ERRORS = 3


@dataclass(frozen=True)
class OnnxModel:
    """A model in an ONNX file, ready to answer.

    Attributes:
        session: of onnxruntime.
        contract: the model's input, and the meaning of its outputs.
    """

    session: Any
    contract: InputContract

    @classmethod
    def open(cls, file: Path | bytes, *, threads: int = 0) -> OnnxModel:
        """Open a file, or the bytes of one.

        Args:
            file: as `export_model` wrote it.
            threads: that compute one batch; 0 for one per core.

        Raises:
            ValueError: it is no such file.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = ERRORS
        # Threads that wait for work in a loop take half of the cores from those who decode.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        source = file if isinstance(file, bytes) else str(file)
        try:
            session = onnxruntime.InferenceSession(
                source, options, providers=["CPUExecutionProvider"]
            )
            metadata = session.get_modelmeta().custom_metadata_map
            contract = InputContract.from_dict(json.loads(metadata[CONTRACT]))
        # onnxruntime has an exception class for each kind of damage, without a public base.
        except Exception as error:  # noqa: BLE001
            raise ValueError(f"not an ONNX model of Pixelgate: {error}") from None
        return cls(session, contract)

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the model's outputs.

        Args:
            images: (images, height, width, channels) uint8.

        Returns:
            (images, classes) float32 probabilities; (images, 1), the probability of the second
            class, if class_mode is binary.
        """
        size = images_at_once(images.shape[1:], on_gpu=False)
        if len(images) <= size:
            return self._run(images)
        starts = range(0, len(images), size)
        return np.concatenate([self._run(images[start : start + size]) for start in starts])

    def _run(self, images: np.ndarray) -> np.ndarray:
        outputs: list[np.ndarray] = self.session.run([PROBABILITIES], {IMAGES: images})
        return outputs[0]
