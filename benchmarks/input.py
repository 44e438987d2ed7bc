"""How fast is the input pipeline? Against both of Keras', and the waiting time in training.

The augmentation is the tutorial's. Both sides of every ratio run in this one command, in turns,
each in its own process:

    python benchmarks/input.py mnist_png/ > benchmarks/results/input.md
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peers import AUGMENTATION, BATCH, SIZE, in_turns, train_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROUNDS = 3
WARM_UP, BATCHES, STEPS = 20, 300, 300


def image_data_generator(folder: Path) -> Iterator[Any]:
    """Open the tutorial's generator."""
    from peers import tutorial_generator

    return iter(tutorial_generator(folder))


def image_dataset(folder: Path) -> Iterator[Any]:
    """Open Keras' newer loader, with its preprocessing layers for the same augmentation."""
    import keras
    import tensorflow as tf
    from keras import layers

    zoom = AUGMENTATION["zoom_range"]
    augment = keras.Sequential(
        [
            layers.RandomFlip("horizontal"),
            layers.RandomTranslation(0.0, AUGMENTATION["width_shift_range"], fill_mode="nearest"),
            layers.RandomZoom((-zoom, zoom), (-zoom, zoom), fill_mode="nearest"),
            layers.Rescaling(1 / 255),
        ]
    )
    files = keras.utils.image_dataset_from_directory(
        train_folder(folder), label_mode="categorical", color_mode="grayscale", batch_size=BATCH,
        image_size=SIZE, verbose=False,
    )  # fmt: skip
    batches = files.map(
        lambda images, labels: (augment(images, training=True), labels),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    return iter(batches.repeat().prefetch(tf.data.AUTOTUNE))


def pixelgate(folder: Path) -> Iterator[Any]:
    """Open the product's pipeline; its images are decoded before it is timed."""
    from tasks.generators.pipelines import training_batches

    return iter(training_batches(_inputs(folder), seed=1))


def _inputs(folder: Path, **parts: Any) -> Any:
    from tasks.config.schema import RetrainConfig
    from tasks.generators.inputs import build_inputs
    from tasks.inventory.scan import inventory_of

    home = Path(os.environ["BENCHMARK_HOME"])
    generators = {"batch_size": BATCH, "rotation_range": 0.0, "height_shift_range": 0.0}
    config = RetrainConfig.model_validate(
        {
            "home": home,
            "data": {"directory": folder},
            "generators": {**generators, **AUGMENTATION, **parts},
        }
    )
    return build_inputs(inventory_of(config), config, directory=home)


def images_per_second(open_pipeline: Callable[[Path], Iterator[Any]], folder: Path) -> float:
    """Draw batches and return the images per second."""
    batches = open_pipeline(folder)
    for _ in range(WARM_UP):
        next(batches)
    started = time.perf_counter()
    for _ in range(BATCHES):
        next(batches)
    return BATCHES * BATCH / (time.perf_counter() - started)


def decoding_seconds(folder: Path) -> float:
    """Decode every image into a new cache; return the seconds."""
    from tasks.config.schema import RetrainConfig
    from tasks.generators.inputs import build_inputs
    from tasks.inventory.scan import inventory_of

    with tempfile.TemporaryDirectory() as home:
        config = RetrainConfig.model_validate({"home": home, "data": {"directory": folder}})
        inventory = inventory_of(config)
        started = time.perf_counter()
        build_inputs(inventory, config, directory=Path(home))
        return time.perf_counter() - started


def waiting_share(folder: Path) -> float:
    """Train fast_cnn at its own batch size; return the share of time spent waiting for batches."""
    import numpy as np

    from tasks.config.training import TrainingConfig
    from tasks.generators.pipelines import training_batches
    from tasks.models.architectures import build_model
    from tasks.training.hardware import choose_hardware
    from tasks.training.phases import plan_phases, prepare_phase
    from tasks.training.precision import dtype_policy

    inputs, settings = _inputs(folder, batch_size=128), TrainingConfig()
    hardware = choose_hardware(settings).with_precision(None)
    with dtype_policy(hardware.precision):
        model = build_model(inputs.contract, settings, rescale=1 / 255)
    (phase,) = plan_phases(settings, epochs=1, steps_per_epoch=STEPS)
    prepare_phase(model, phase, inputs.contract, settings, hardware)
    batches = iter(training_batches(inputs, seed=1))
    waited, trained = [], []
    for _ in range(WARM_UP + STEPS):
        started = time.perf_counter()
        batch = next(batches)
        drawn = time.perf_counter()
        model.train_on_batch(*batch)
        waited.append(drawn - started)
        trained.append(time.perf_counter() - drawn)
    wait, train = np.sum(waited[WARM_UP:]), np.sum(trained[WARM_UP:])
    return float(wait / (wait + train))


SIDES = {
    "ImageDataGenerator.flow_from_directory": image_data_generator,
    "image_dataset_from_directory and preprocessing layers": image_dataset,
    "pixelgate": pixelgate,
}


def measure(name: str, folder: Path) -> float:
    """Measure one side; called in a process of its own."""
    if name in SIDES:
        return images_per_second(SIDES[name], folder)
    return {"decoding": decoding_seconds, "waiting": waiting_share}[name](folder)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="MNIST as files: training/ and testing/")
    folder = parser.parse_args().folder.absolute()
    with tempfile.TemporaryDirectory() as home:
        os.environ["BENCHMARK_HOME"] = home
        figures = in_turns(__file__, [*SIDES, "waiting"], folder, rounds=ROUNDS)
        (decoding,) = in_turns(__file__, ["decoding"], folder, rounds=1)["decoding"]
    rates = {name: statistics.median(figures[name]) for name in SIDES}
    print(f"# Feeding images\n\n`python benchmarks/input.py {folder.name}/`, {os.cpu_count()}")
    print(f"cores, median of {ROUNDS} turns, batches of {BATCH}, the tutorial's augmentation.\n")
    print(
        "| pipeline | images per second (lowest to highest) | pixelgate is faster |\n|---|---|---|"
    )
    for name, rate in rates.items():
        lowest, highest = min(figures[name]), max(figures[name])
        print(f"| {name} | {rate:,.0f} ({lowest:,.0f} to {highest:,.0f}) |"
              f" {rates['pixelgate'] / rate:.1f} times |")  # fmt: skip
    print(f"\nDecoding all images into the cache, once for all epochs and runs: {decoding:.1f} s."
          f"\nWaiting for batches of 128 while fast_cnn trains, with the default augmentation:"
          f" {statistics.median(figures['waiting']):.2%} of the time.")  # fmt: skip


if __name__ == "__main__":
    main()
