"""What does a pretrained network bring on photographs? Engines, inputs, and whole runs.

    python benchmarks/photos.py engines
    python benchmarks/photos.py inputs clothing/
    python benchmarks/photos.py runs clothing/

`engines`: frozen features a second, by engine, precision and size, beside the operations a second
that a matrix product reaches. `inputs`: test accuracy of the last layer, by resizing and size.
`runs`: `pixelgate run` from nothing, then again with 100 new images, and Keras' own recipe of its
transfer learning guide with the same network and weights, each in processes of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIZES = (160, 224)
ROUNDS = 5
NEW_IMAGES = 100
# Of the network at 224 pixels: one multiplication and one addition each.
OPERATIONS_224 = 2 * 0.385e9
RECIPE_EPOCHS = 10


def engines(_: argparse.Namespace) -> None:
    """Print features a second."""
    import keras
    import numpy as np

    from tasks.models.pretrained import load_pretrained

    print(f"A product of matrices of 2048 reaches {_matrix_rate():.0f} GFLOP/s in float32.\n")
    print("| size | engine | images in a call | images a second | GFLOP/s |\n|---|---|---|---|---|")
    base = load_pretrained(None)
    for size in SIZES:
        images = np.random.default_rng(0).integers(0, 256, (128, size, size, 3), np.uint8)
        for name, batch, compute in _engines(base, size):
            compute(images[: 2 * batch])
            seconds = statistics.median(_timed(compute, images) for _ in range(ROUNDS))
            rate = len(images) / seconds
            flops = rate * OPERATIONS_224 * (size / 224) ** 2 / 1e9
            print(f"| {size} | {name} | {batch} | {rate:.0f} | {flops:.0f} |", flush=True)
    keras.backend.clear_session()


def _matrix_rate() -> float:
    import numpy as np

    a = np.ones((2048, 2048), "float32")
    return max(2 * 2048**3 / _timed(lambda each: each @ each, a) for _ in range(ROUNDS)) / 1e9


def _timed(function: Callable[[Any], Any], value: Any) -> float:
    started = time.perf_counter()
    function(value)
    return time.perf_counter() - started


def _engines(base: Any, size: int) -> Iterator[tuple[str, int, Callable[[Any], Any]]]:
    """Yield name, images in a call, and function of each engine."""
    from tasks.embedding import onnx_engine
    from tasks.training import feature_engine

    for batch in (1, 8, 32):
        onnx_engine.BATCH = batch
        yield "ONNX Runtime, a session for each core", batch, feature_engine.open_engine(base)[1]
    yield "ONNX Runtime, one session on all cores", 32, _one_session(base)
    for precision in ("float32", "mixed_bfloat16"):
        yield f"TensorFlow's graph, {precision}", 32, _graph(base, size, precision)
    yield "LiteRT with XNNPACK, float32", 1, _lite(base, size)


def _in_parts(function: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    return lambda images: [function(images[n : n + 32]) for n in range(0, len(images), 32)]


def _one_session(base: Any) -> Callable[[Any], Any]:
    import onnxruntime

    from tasks.embedding.lite_onnx import FEATURES, IMAGES, to_onnx
    from tasks.models.efficientnet_lite import lite_weights

    model = to_onnx(lite_weights(base))
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return _in_parts(lambda images: session.run([FEATURES], {IMAGES: images}))


def _network(base: Any, size: int, precision: str = "float32") -> Any:
    import keras

    from tasks.models.efficientnet_lite import efficientnet_lite0

    keras.config.set_dtype_policy(precision)
    network = efficientnet_lite0((size, size, 3))
    network.set_weights(base.get_weights())
    keras.config.set_dtype_policy("float32")
    return network


def _graph(base: Any, size: int, precision: str) -> Callable[[Any], Any]:
    import tensorflow as tf

    network = _network(base, size, precision)
    function = tf.function(lambda images: network(images, training=False))
    return _in_parts(lambda images: function((images.astype("float32") - 127) / 128).numpy())


def _lite(base: Any, size: int) -> Callable[[Any], Any]:
    import numpy as np
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/lite0.tflite"
        _network(base, size).export(file, format="litert", verbose=False)
        interpreter = tf.lite.Interpreter(file, num_threads=os.cpu_count())
        interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]["index"]
    found = interpreter.get_output_details()[0]["index"]

    def compute(images: Any) -> list[Any]:
        answers = []
        for image in images:
            interpreter.set_tensor(given, (image[None] - np.float32(127)) / 128)
            interpreter.invoke()
            answers.append(interpreter.get_tensor(found))
        return answers

    return compute


def inputs(arguments: argparse.Namespace) -> None:
    """Print test accuracy by resizing and size, without and with mirrored copies."""
    from tasks.runtime import environment

    environment.prepare()
    from tasks.config.schema import RetrainConfig
    from tasks.generators.inputs import build_inputs
    from tasks.inventory.scan import inventory_of

    print("| size | resize | plain | with mirrored copies |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as home:
        for size in SIZES:
            for resize in ("stretch", "crop", "pad"):
                generators = {"target_size": [size, size], "resize": resize, "color_mode": "rgb"}
                config = RetrainConfig.model_validate(
                    {
                        "home": home,
                        "data": {"directory": arguments.folder},
                        "generators": {**generators, "horizontal_flip": True},
                        "training": {"model": "EfficientNetLite0"},
                    }
                )
                opened = build_inputs(inventory_of(config), config, directory=Path(home))
                plain, mirrored = _accuracies(opened, config)
                print(f"| {size} | {resize} | {plain:.4f} | {mirrored:.4f} |", flush=True)


def _accuracies(opened: Any, config: Any) -> tuple[float, float]:
    import time as clock

    from tasks.inventory.columns import TEST, TRAIN, VALIDATION
    from tasks.models.pretrained import load_pretrained
    from tasks.training import features_phase
    from tasks.training.linear_head import fit_head
    from tasks.training.request import TrainingRequest

    folder = Path(tempfile.gettempdir())
    request = TrainingRequest.of(opened, config, workspace=folder, directory=folder, champion=None)
    data = features_phase._Data(  # noqa: SLF001 - the phase's own view of the data
        load_pretrained(config.paths.pretrained), request, clock.monotonic() + 3600
    )
    validation, test = (data.examples(split, "plain") for split in (VALIDATION, TEST))
    views = [data.examples(TRAIN, view) for view in ("plain", "mirrored")]
    classes = len(opened.contract.classes)
    fitted = [
        fit_head(train, validation, classes=classes, smoothing=0.05) for train in (views[:1], views)
    ]
    plain, mirrored = (head.metrics(test)[1] for head in fitted)
    return plain, mirrored


def runs(arguments: argparse.Namespace) -> None:
    """Print times and test accuracies of whole runs."""
    print("| what | seconds | test accuracy | stages |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        data, kept = Path(scratch) / "data", Path(scratch) / "kept"
        shutil.copytree(arguments.folder, data)
        _set_aside(data / "train", kept)
        _print_run("`pixelgate run`, from nothing", data, scratch)
        shutil.copytree(kept, data / "train", dirs_exist_ok=True)
        _print_run(f"`pixelgate run` with {NEW_IMAGES} new images", data, scratch)
        _print_recipe(data)


def _set_aside(train: Path, kept: Path) -> None:
    files = sorted(file for file in train.rglob("*") if file.is_file())
    for file in files[:: len(files) // NEW_IMAGES][:NEW_IMAGES]:
        target = kept / file.relative_to(train)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, target)


def _print_run(name: str, data: Path, scratch: str) -> None:
    command = [sys.executable, "-m", "flows.cli", "run", "--data", str(data), "--json"]
    started = time.perf_counter()
    ended = subprocess.run(
        [*command, "--home", f"{scratch}/home"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=False,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    summary = json.loads(ended.stdout)
    stages = ", ".join(f"{each['name']} {each['seconds']:.0f}" for each in summary["stages"])
    accuracy = summary["metrics"]["accuracy"]
    print(
        f"| {name}: {summary['outcome']} | {seconds:.0f} | {accuracy:.4f} | {stages} |", flush=True
    )


def _print_recipe(data: Path) -> None:
    started = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, __file__, "recipe", str(data)], capture_output=True, text=True, check=True
    )
    epochs = json.loads(ended.stdout.splitlines()[-1])
    for number, (seconds, accuracy) in enumerate(epochs, 1):
        print(f"| Keras' recipe, {number} epochs | {seconds:.0f} | {accuracy:.4f} | |")
    print(f"| Keras' recipe, whole process | {time.perf_counter() - started:.0f} | | |", flush=True)


def recipe(arguments: argparse.Namespace) -> None:
    """Train as Keras' guide on transfer learning does, with the same network and weights."""
    started = time.perf_counter()
    import keras
    from keras import layers

    from tasks.models.efficientnet_lite import efficientnet_lite0
    from tasks.models.pretrained import load_pretrained

    train, validation, test = (
        keras.utils.image_dataset_from_directory(
            arguments.folder / split, image_size=(224, 224), batch_size=32, seed=0,
            crop_to_aspect_ratio=True, label_mode="categorical", verbose=False,
        )
        for split in ("train", "validation", "test")
    )  # fmt: skip
    base = efficientnet_lite0((224, 224, 3))
    base.set_weights(load_pretrained(None).get_weights())
    base.trainable = False
    model = keras.Sequential(
        [
            keras.Input((224, 224, 3)),
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(0.1),
            layers.Rescaling(1 / 128, -127 / 128),
            base,
            layers.Dropout(0.2),
            layers.Dense(len(train.class_names), activation="softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    epochs, spent = [], 0.0
    for _ in range(RECIPE_EPOCHS):
        model.fit(train.prefetch(2), validation_data=validation.prefetch(2), verbose=0)
        seconds = time.perf_counter() - started - spent
        paused = time.perf_counter()
        epochs.append((seconds, model.evaluate(test, verbose=0)[1]))
        # Only the last evaluation would belong to a run.
        spent += time.perf_counter() - paused
    print(json.dumps(epochs))


def main() -> None:
    """Run one of the benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["engines", "inputs", "runs", "recipe"])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--scratch", type=Path, help="folder for copies; default: the system's")
    arguments = parser.parse_args()
    globals()[arguments.what](arguments)


if __name__ == "__main__":
    main()
