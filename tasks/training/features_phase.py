"""A model with a frozen base goes in; its last layer, fitted on the base's features, comes out.

The base computes each image once, and once more mirrored where generators.horizontal_flip allows
it; its features are kept by content, so that the next run computes new images only. Fitting the
last layer on them takes seconds where an epoch through the network takes minutes. Rotated, shifted
and zoomed copies are not drawn: each draw would cost another pass of the network over all images.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

import keras
import numpy as np
import pandas as pd

from tasks.embedding.feature_shards import FeatureShards, prune_features
from tasks.generators.decoded_array import DecodedArray
from tasks.generators.decoding import decoding_of
from tasks.generators.inputs import TARGET
from tasks.inventory.columns import SPLIT, TRAIN, VALIDATION
from tasks.models.architectures import HEAD
from tasks.models.efficientnet_lite import NAME
from tasks.storage.hashing import digest
from tasks.training.class_weights import class_weights
from tasks.training.feature_engine import open_engine
from tasks.training.linear_head import Examples, LinearHead, fit_head

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tasks.training.request import TrainingRequest

PLAIN, MIRRORED = "plain", "mirrored"
COLUMNS = 2


def run_features_phase(
    model: keras.Model,
    request: TrainingRequest,
    callbacks: Sequence[keras.callbacks.Callback],
    *,
    deadline: float,
) -> None:
    """Fit the last layer, and report that to the callbacks as the first epoch.

    Args:
        model: compiled, its base frozen; its last layer is changed in place.
        request: data, settings and folders.
        callbacks: of the training.
        deadline: time.monotonic() after which no more features are computed.
    """
    # A backup holds the optimizer, which is otherwise built by the first step.
    model.optimizer.build(model.trainable_variables)
    model.stop_training = False
    together = keras.callbacks.CallbackList(callbacks, model=model, steps=1, epochs=1, verbose=0)
    together.on_train_begin()
    together.on_epoch_begin(0)
    together.on_epoch_end(0, _fit(model, request, deadline))
    together.on_train_end()


def _fit(model: keras.Model, request: TrainingRequest, deadline: float) -> dict[str, float]:
    """Set the last layer's weights and return what an epoch would measure."""
    data = _Data(model.get_layer(NAME), request, deadline)
    validation = data.examples(VALIDATION, PLAIN)
    mirror = request.inputs.settings.horizontal_flip
    train = [data.examples(TRAIN, view) for view in ((PLAIN, MIRRORED) if mirror else (PLAIN,))]
    data.prune()
    binary = request.inputs.contract.class_mode == "binary"
    smooth = request.inputs.contract.class_mode == "categorical"
    head = fit_head(
        train,
        validation,
        classes=len(request.inputs.contract.classes),
        smoothing=request.settings.label_smoothing if smooth else 0.0,
    )
    model.get_layer(HEAD).set_weights(_as_binary(head) if binary else [head.kernel, head.bias])
    loss, accuracy = head.metrics(train[0])
    val_loss, val_accuracy = head.metrics(validation)
    return {
        "accuracy": accuracy,
        "loss": loss,
        "val_accuracy": val_accuracy,
        "val_loss": val_loss,
    }


def _as_binary(head: LinearHead) -> list[np.ndarray]:
    """Return the weights of the second class against the first, for a sigmoid."""
    return [head.kernel[:, 1:] - head.kernel[:, :1], head.bias[1:] - head.bias[:1]]


class _Data:
    """The decoded images of a training, as examples of features."""

    def __init__(self, base: keras.Model, request: TrainingRequest, deadline: float) -> None:
        inputs = request.inputs
        self._request, self._deadline = request, deadline
        self._index = pd.read_parquet(inputs.index, columns=[SPLIT, TARGET])
        self._pixels, self._digests = DecodedArray(inputs.pixels.parent).open("r")
        self._engine_name, self._engine = open_engine(base)
        self._weights = class_weights(inputs, request.settings)
        # Of the base, which may be the champion's: other weights give other features.
        self._base = digest([_digest(weights) for weights in base.get_weights()])
        self._width = base.output_shape[-1]
        self._used: list[Path] = []

    def examples(self, split: str, view: str) -> Examples:
        """Return the images of a split; of the train split as many as there is time for."""
        rows = np.flatnonzero(self._index[SPLIT] == split)
        if split == TRAIN:
            # In any order but that of the files, in which a class may come last.
            rows = np.random.default_rng(self._request.seed).permutation(rows)

        def compute(numbers: np.ndarray) -> np.ndarray:
            images = self._pixels[rows[numbers]]
            mirrored = np.ascontiguousarray(np.flip(images, COLUMNS))
            return self._engine(mirrored if view == MIRRORED else images)

        shards = FeatureShards(self._folder(view), self._width)
        features, known = shards.complete(
            self._digests[rows], compute, has_time=self._has_time(split)
        )
        targets = self._index[TARGET].to_numpy()[rows[known]]
        weights = np.ones(len(targets), "float32")
        if split == TRAIN and self._weights is not None:
            weights = self._weights[targets]
        return Examples(features[known], targets, weights)

    def prune(self) -> None:
        """Remove features of networks and inputs that were not used lately."""
        if self._request.feature_cache is not None:
            prune_features(self._request.feature_cache, self._used)

    def _has_time(self, split: str) -> Callable[[], bool]:
        return lambda: split != TRAIN or time.monotonic() < self._deadline

    def _folder(self, view: str) -> Path | None:
        cache = self._request.feature_cache
        if cache is None:
            return None
        decoding = decoding_of(self._request.inputs.contract).name
        folder = cache / digest([self._base, self._engine_name, decoding, view])[:32]
        self._used.append(folder)
        return folder


def _digest(weights: np.ndarray) -> str:
    return hashlib.sha256(weights.tobytes()).hexdigest()
