"""How long does a whole evaluation take, beside plain `model.predict` on the same images?

    python benchmarks/evaluate.py mnist_png/

The 10,000 images of the folder `testing` are the test split, the first ones of `training` train
`fast_cnn` for an epoch. Then, in turns: the model predicts the decoded test images; and
`evaluate_model` does all of it: metrics with intervals, slices, the worst of two properties,
corrupted images and latency.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 3
TRAINED_PER_CLASS = 200


def prepare(folder: Path, scratch: Path) -> dict[str, Callable[[], Any]]:
    """Train a model; return the two sides."""
    from tasks.runtime import environment

    environment.prepare()
    import keras
    import numpy as np

    from tasks.config.schema import RetrainConfig
    from tasks.evaluation.evaluate import evaluate_model
    from tasks.generators.inputs import build_inputs
    from tasks.generators.pipelines import pixels_of
    from tasks.inventory.scan import inventory_of
    from tasks.models.prediction import predict
    from tasks.training.request import TrainingRequest
    from tasks.training.train import train_model

    data = scratch / "data"
    (data / "test").parent.mkdir(parents=True)
    (data / "test").symlink_to((folder / "testing").resolve())
    for label in sorted((folder / "training").iterdir()):
        (data / "train" / label.name).mkdir(parents=True)
        for file in sorted(label.iterdir())[:TRAINED_PER_CLASS]:
            (data / "train" / label.name / file.name).symlink_to(file.resolve())
    config = RetrainConfig.model_validate(
        {"home": scratch / "home", "data": {"directory": data}, "training": {"epochs": 1}}
    )
    config = config.model_copy(
        update={"training": config.training.model_copy(update={"model": "fast_cnn"})}
    )
    inventory = inventory_of(config)
    inputs = build_inputs(inventory, config, directory=scratch / "run")
    request = TrainingRequest.of(
        inputs, config, workspace=scratch / "work", directory=scratch / "trained", champion=None
    )
    trained = train_model(request, on_epoch=lambda *_: None)
    network = keras.saving.load_model(trained.path)
    index = inventory.reset_index(drop=True)
    pixels = pixels_of(inputs.pixels, np.flatnonzero(index["split"] == "test"))
    return {
        "predict": lambda: predict(network, pixels),
        "evaluate": lambda: evaluate_model(
            trained.path,
            inputs.contract,
            inventory,
            config,
            predictions=scratch / "predictions.parquet",
        ),
    }


def main() -> None:
    """Print the figures as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="mnist_png, with training/ and testing/")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sides = prepare(given.folder, Path(scratch))
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        for round_ in range(ROUNDS + 1):
            for name, side in sides.items():
                started = time.perf_counter()
                answer = side()
                # The first round traces graphs and warms caches.
                if round_:
                    seconds[name].append(time.perf_counter() - started)
        median = {name: statistics.median(each) for name, each in seconds.items()}
        corrupted = sum(row["images"] for row in answer.robustness)
        print(f"# A whole evaluation of {answer.test_images:,} images\n")
        print(f"`python benchmarks/evaluate.py {given.folder.name}/`, median of {ROUNDS} rounds.\n")
        print("| what | seconds | images predicted |\n|---|---|---|")
        print(f"| `model.predict` | {median['predict']:.2f} | {answer.test_images:,} |")
        print(
            f"| `evaluate_model` | {median['evaluate']:.2f} | {answer.test_images + corrupted:,} |"
        )
        print(f"\nRatio {median['evaluate'] / median['predict']:.1f}; target 60 s in all.")


if __name__ == "__main__":
    main()
