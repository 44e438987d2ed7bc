"""The tutorial this project grew from, unchanged, and how benchmarks run their sides in turns.

Each side is measured in its own process, so that neither memory nor warm caches of one side help
the other: `python peers.py <script> <side> <folder>` prints one line of JSON.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SIZE, BATCH = (28, 28), 32
# As in deployments/configs/tutorial.toml.
AUGMENTATION: dict[str, Any] = {
    "width_shift_range": 0.3,
    "zoom_range": 0.2,
    "horizontal_flip": True,
}


def train_folder(folder: Path) -> Path:
    """Return the folder of the training classes."""
    return next(folder / name for name in ("training", "train") if (folder / name).is_dir())


def tutorial_generator(folder: Path) -> Any:
    """Open the tutorial's ImageDataGenerator on the training images."""
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    return ImageDataGenerator(rescale=1 / 255, **AUGMENTATION).flow_from_directory(
        str(train_folder(folder)), target_size=SIZE, color_mode="grayscale", batch_size=BATCH,
        class_mode="categorical",
    )  # fmt: skip


def tutorial_model() -> Any:
    """Build and compile the tutorial's Basic CNN."""
    import keras
    from keras import layers

    model = keras.Sequential([keras.Input((*SIZE, 1))])
    for filters in (32, 64):
        for _ in range(2):
            model.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
        model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    model.add(layers.Dense(512, activation="relu"))
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(keras.optimizers.Adam(0.001), "categorical_crossentropy", metrics=["accuracy"])
    return model


def in_turns(script: str, sides: list[str], folder: Path, *, rounds: int) -> dict[str, list[float]]:
    """Measure each side once per round, in a new process each; return the figures by side."""
    figures: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side in sides:
            figures[side].append(ask(script, side, folder))
            print(f"{side}: {figures[side][-1]:.4g}", file=sys.stderr)
    return figures


def ask(script: str, side: str, folder: Path) -> Any:
    """Measure one side in a new process and return its result."""
    command = [sys.executable, __file__, script, side, str(folder)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)]),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if ended.returncode:
        raise SystemExit(f"{side} failed:\n{ended.stderr}")
    return json.loads(ended.stdout.splitlines()[-1])


if __name__ == "__main__":
    _, path, name, data = sys.argv
    spec = importlib.util.spec_from_file_location("benchmark", path)
    assert spec is not None  # noqa: S101 - the path is that of a script in this folder
    assert spec.loader is not None  # noqa: S101 - as above
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    print(json.dumps(benchmark.measure(name, Path(data))))
