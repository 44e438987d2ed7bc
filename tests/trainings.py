"""Small trainings, and a user's module of models and callbacks for them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.config.schema import RetrainConfig
from tasks.inventory.scan import take_inventory

if TYPE_CHECKING:
    from pathlib import Path

OWN_MODULE = """
import os, time
import keras

def mlp(input_shape):
    return keras.Sequential([keras.Input(input_shape), keras.layers.Flatten()])

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
"""


@dataclass
class Trainer:
    """Small trainings on one tree of images, each in folders of its own name."""

    root: Path
    home: Path
    kept: dict[str, Any] = dataclasses.field(default_factory=dict)

    def config(self, **parts: Any) -> RetrainConfig:
        """Return settings of a quick training; the parts as given."""
        training = {"epochs": 4, "learning_rate": 0.003, **parts.pop("training", {})}
        generators = {"batch_size": 16, **parts.pop("generators", {})}
        plain = {"home": self.home / "home", "data": {"directory": self.root}}
        return RetrainConfig.model_validate(
            {**plain, "generators": generators, "training": training, **parts}
        )

    def inputs(self, **parts: Any) -> Any:
        """Return the opened inputs, made once for the same settings."""
        from tasks.generators.inputs import build_inputs

        key = repr(parts)
        if key not in self.kept:
            config = self.config(**parts)
            inventory = take_inventory(config.data, seed=42)
            directory = self.home / f"run{len(self.kept)}"
            self.kept[key] = build_inputs(inventory, config, directory=directory)
        return self.kept[key]

    def folders(self, name: str) -> dict[str, Path]:
        """Return where a training of this name is, under way and finished."""
        return {"workspace": self.home / "work" / name, "directory": self.home / "models" / name}

    def train(
        self, name: str = "model", *, on_epoch: Any = lambda *_: None, champion: Any = None,
        generators: dict[str, Any] | None = None, **parts: Any,
    ) -> Any:  # fmt: skip
        """Train in this process."""
        from tasks.training.train import train_model

        generators = generators or {}
        return train_model(
            self.inputs(generators=generators),
            self.config(generators=generators, **parts),
            **self.folders(name),
            on_epoch=on_epoch,
            champion=champion,
        )

    def request(self, name: str, **parts: Any) -> Any:
        """Return what a training in a process of its own is asked for."""
        from tasks.training.worker import Request

        return Request(
            self.inputs(generators={}), self.config(**parts), **self.folders(name), champion=None
        )
