"""Small trainings, and a user's module of models and callbacks for them."""

from __future__ import annotations

import dataclasses
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from tasks.config.schema import RetrainConfig
from tasks.inventory.scan import take_inventory

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.generators.inputs import Inputs
    from tasks.training.callbacks import OnEpoch
    from tasks.training.initial_weights import InitialModel
    from tasks.training.request import TrainingRequest
    from tasks.training.result import TrainedModel

OWN_MODULE = '''
import os, time
import keras

def mlp(input_shape):
    return keras.Sequential([keras.Input(input_shape), keras.layers.Flatten()])

def half_blind(input_shape):
    """See the first columns alone, where images of all classes but the first look alike."""
    images = keras.Input(input_shape)
    seen = keras.layers.Cropping2D(((0, 0), (0, input_shape[1] - 4)))(images)
    return keras.Model(images, keras.layers.Flatten()(seen))

class Counter(keras.callbacks.Callback):
    seen = 0
    def on_epoch_end(self, epoch, logs=None):
        Counter.seen = epoch + 1

class Slow(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        time.sleep(float(os.environ.get("SECONDS_A_STEP", 0)))

class Poison(keras.callbacks.Callback):
    factor = float("nan")
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 3:
            head = self.model.get_layer("probabilities")
            head.set_weights([weights * self.factor for weights in head.get_weights()])

class Enlarge(Poison):
    factor = -1e4

class NoMemory(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        import resource
        if epoch == 1:
            used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used, used))

class NoRoom(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        import resource
        if epoch == 1:
            resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
'''


@dataclass
class TrainingData:
    """A tree of images whose inputs are opened once for the same settings, and only read."""

    root: Path
    folder: Path
    opened: dict[str, Inputs] = dataclasses.field(default_factory=dict)

    def inputs(self, **parts: Any) -> Inputs:
        """Return the opened inputs."""
        from tasks.generators.inputs import build_inputs

        key = repr(parts)
        if key not in self.opened:
            config = quick_config(self.root, self.folder / "home", **parts)
            inventory = take_inventory(config.data, seed=42)
            directory = self.folder / f"run{len(self.opened)}"
            self.opened[key] = build_inputs(inventory, config, directory=directory)
        return self.opened[key]


@dataclass(frozen=True)
class Trainer:
    """Small trainings on one tree of images, each in folders of its own name."""

    data: TrainingData
    home: Path

    def on(self, root: Path) -> Trainer:
        """Return a trainer on another tree."""
        return dataclasses.replace(self, data=TrainingData(root, self.home / f"data-{root.name}"))

    def config(self, **parts: Any) -> RetrainConfig:
        """Return settings of a quick training; the parts as given."""
        return quick_config(self.data.root, self.home / "home", **parts)

    def inputs(self, **parts: Any) -> Inputs:
        """Return the opened inputs of these settings of generators."""
        return self.data.inputs(generators=parts)

    def folders(self, name: str) -> dict[str, Path]:
        """Return the workspace and the finished folder of a training of this name."""
        return {"workspace": self.home / "work" / name, "directory": self.home / "models" / name}

    def train(
        self,
        name: str = "model",
        *,
        on_epoch: OnEpoch = lambda *_: None,
        champion: InitialModel | None = None,
        generators: dict[str, Any] | None = None,
        **parts: Any,
    ) -> TrainedModel:
        """Train in this process."""
        from keras.src.random import seed_generator
        from keras.src.utils import rng_utils

        from tasks.training.train import train_model

        request = self.request(name, generators=generators, champion=champion, **parts)
        with pytest.MonkeyPatch.context() as patch:
            # Layers draw their seeds from Python's random module. So do threads that earlier
            # tests left in this process (a training of the pipeline has a process to itself).
            own = random.Random()
            patch.setattr(rng_utils, "random", own)
            patch.setattr(seed_generator, "python_random", own)
            return train_model(request, on_epoch=on_epoch)

    def request(
        self,
        name: str,
        *,
        generators: dict[str, Any] | None = None,
        champion: InitialModel | None = None,
        **parts: Any,
    ) -> TrainingRequest:
        """Return the request for a training, here or in a process of its own."""
        from tasks.training.request import TrainingRequest

        generators = generators or {}
        return TrainingRequest.of(
            self.inputs(**generators),
            self.config(generators=generators, **parts),
            **self.folders(name),
            champion=champion,
        )


def quick_config(root: Path, home: Path, **parts: Any) -> RetrainConfig:
    """Return settings of a quick training of a folder; the parts as given."""
    training = {"epochs": 4, "learning_rate": 0.003, **parts.pop("training", {})}
    generators = {"batch_size": 16, **parts.pop("generators", {})}
    plain = {"home": home, "data": {"directory": root}}
    return RetrainConfig.model_validate(
        {**plain, "generators": generators, "training": training, **parts}
    )


def history_of(trained: TrainedModel) -> pd.DataFrame:
    """Return the history of a finished training, one row per epoch."""
    return pd.read_csv(trained.history)


def quietly(*_: object) -> None:
    """Report no epoch to anybody."""
