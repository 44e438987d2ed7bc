"""How many images should a model answer in one call: seconds and memory by their number?

    python benchmarks/images_at_once.py

Random images, models that were not trained: neither changes what is computed. A model has a process
of its own, in which the numbers rise, so that the peak of memory after each is due to it; then all
take turns. `chosen` is what `tasks.models.prediction.images_at_once` says of a processor.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

NUMBERS, IMAGES, ROUNDS = (1, 8, 32, 64, 128, 256), 256, 3
# Model, side in pixels, colors.
MODELS = (
    ("fast_cnn", 28, "grayscale"),
    ("fast_cnn", 96, "rgb"),
    ("small_cnn", 64, "rgb"),
    ("EfficientNetLite0", 224, "rgb"),
)


def measure(name: str, side: int, colors: str) -> None:
    """Print the rows of a model."""
    from tasks.runtime import environment

    environment.prepare()
    import numpy as np

    from tasks.config.training import TrainingConfig
    from tasks.models.architectures import build_model
    from tasks.models.contract import InputContract
    from tasks.models.prediction import images_at_once

    classes = tuple("abcdefghij")
    contract = InputContract(classes, side, side, colors, "categorical")
    network = build_model(contract, TrainingConfig(model=name), rescale=1 / 255)
    images = np.random.default_rng(1).integers(0, 256, (IMAGES, *contract.shape), np.uint8)
    peaks: dict[int, float] = {}
    rates: dict[int, list[float]] = {number: [] for number in NUMBERS}
    for round_ in range(ROUNDS + 1):
        for number in NUMBERS:
            started = time.perf_counter()
            network.predict(images, batch_size=number, verbose=0)
            # The first round traces graphs.
            if round_:
                rates[number].append(IMAGES / (time.perf_counter() - started))
            else:
                peaks[number] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    chosen = images_at_once(contract.shape, on_gpu=False)
    for number in NUMBERS:
        rate = statistics.median(rates[number])
        print(f"| {name} | {side} | {chosen} | {number} | {rate:,.0f} | {peaks[number]:.2f} |")


def main() -> None:
    """Print the table as it fills."""
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    print("| model | side | chosen | images in a call | images per second | peak GiB |")
    print("|---|---|---|---|---|---|", flush=True)
    for each in MODELS:
        process = multiprocessing.get_context("spawn").Process(target=measure, args=each)
        process.start()
        process.join()


if __name__ == "__main__":
    main()
