"""How long does training take? From a new process to an evaluated model, against the tutorial.

Both sides run in this one command, each in its own process. The tutorial's rate is measured on 300
steps and extrapolated to its ten epochs of 1,875 steps:

    python benchmarks/train.py mnist_png/ --cifar cifar10/ > benchmarks/results/train.md

With `--models`, the training rate of each architecture and precision is measured too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peers import ROOT, ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TUTORIAL_STEPS, TUTORIAL_EPOCHS_STEPS = 300, 18_750
WARM_UP = 20
# Short: smaller batches give more steps per image, and so few steps need no more variety than
# shifts by a whole pixel. The accuracy is all that it is asked for.
SHORT = {
    "evaluation": {"corrupted_images": 0},
    "training": {"steps_per_epoch": 380, "epochs": 1, "learning_rate": 0.012, "dropout": 0.0},
    "generators": {
        "batch_size": 64,
        "rotation_range": 0,
        "zoom_range": 0,
        "width_shift_range": 2,
        "height_shift_range": 2,
    },
}
# What a tenth of the tutorial's time allows; a smaller validation split leaves more to train on.
TENTH = {
    "training": {"epochs": 4, "learning_rate": 0.01},
    "data": {"validation_fraction": 0.05},
}
MNIST: dict[str, dict[str, Any]] = {
    "fast_cnn, 380 steps of 64": SHORT,
    "fast_cnn, 4 epochs": TENTH,
    "fast_cnn, default settings": {},
}


def tutorial(folder: Path) -> float:
    """Train 300 steps as the tutorial does; return the seconds of its ten epochs."""
    from peers import tutorial_generator, tutorial_model

    model, batches = tutorial_model(), tutorial_generator(folder)
    model.fit(batches, steps_per_epoch=WARM_UP, epochs=1, verbose=0)
    started = time.perf_counter()
    model.fit(batches, steps_per_epoch=TUTORIAL_STEPS, epochs=1, verbose=0)
    seconds = time.perf_counter() - started
    return seconds / TUTORIAL_STEPS * TUTORIAL_EPOCHS_STEPS


def whole(folder: Path) -> dict[str, Any]:
    """Inventory, decode, train and evaluate, as the flow's stages do; return accuracy and times."""
    started = time.perf_counter()
    from tasks.runtime import environment

    environment.prepare()
    from tasks.runtime.collector import collector_paused

    # As the command line does.
    with collector_paused():
        from tasks.config.schema import RetrainConfig
        from tasks.generators.eager_decode import EagerDecoder
        from tasks.inventory.scan import inventory_of

    settings = json.loads(os.environ["BENCHMARK_SETTINGS"])
    until = {}
    with tempfile.TemporaryDirectory() as home:
        folder_of_run = Path(home)
        settings |= {"home": home, "data": {**settings.get("data", {}), "directory": str(folder)}}
        config = RetrainConfig.model_validate(settings)
        with EagerDecoder(config.generators, config.data, config.paths) as decoder:
            inventory = inventory_of(config, eager_decoder=decoder)
        until["inventory"] = time.perf_counter() - started
        with collector_paused():
            from tasks.evaluation.evaluate import evaluate_model
            from tasks.generators.inputs import build_inputs
            from tasks.training.request import TrainingRequest
            from tasks.training.train import train_model

        inputs = build_inputs(inventory, config, directory=folder_of_run)
        until["decoded"] = time.perf_counter() - started
        request = TrainingRequest.of(
            inputs,
            config,
            workspace=folder_of_run / "work",
            directory=folder_of_run / "model",
        )
        trained = train_model(request, on_epoch=lambda *_: None)
        until["trained"] = time.perf_counter() - started
        result = evaluate_model(
            trained.path,
            inputs.contract,
            inventory,
            config,
            predictions=folder_of_run / "p.parquet",
        )
        until["evaluated"] = time.perf_counter() - started
    return {
        "accuracy": result.accuracy,
        "interval": [result.accuracy_low, result.accuracy_high],
        "epochs": trained.epochs,
        "hardware": trained.hardware,
        "until": until,
    }


def candidate(folder: Path) -> float:
    """Train one model for 200 steps; return its images per second."""
    del folder
    import numpy as np

    from tasks.config.training import TrainingConfig
    from tasks.models.architectures import build_model
    from tasks.models.contract import InputContract
    from tasks.training.fused_batch_norm import fuse_batch_normalization
    from tasks.training.hardware import choose_hardware
    from tasks.training.phases import plan_phases, prepare_phase
    from tasks.training.precision import dtype_policy

    settings = TrainingConfig.model_validate_json(os.environ["BENCHMARK_SETTINGS"])
    contract = InputContract(tuple("0123456789"), 28, 28, "grayscale", "categorical")
    hardware = choose_hardware(settings)
    with dtype_policy(hardware.precision):
        model = build_model(contract, settings, rescale=1 / 255)
    fuse_batch_normalization(model)
    (phase,) = plan_phases(settings, epochs=1, steps_per_epoch=200)
    prepare_phase(model, phase, contract, settings, hardware)
    random = np.random.default_rng(0)
    images = random.integers(0, 255, (128, 28, 28, 1), dtype=np.uint8)
    targets = np.eye(10, dtype="float32")[random.integers(0, 10, 128)]
    for _ in range(WARM_UP):
        model.train_on_batch(images, targets)
    started = time.perf_counter()
    for _ in range(200):
        model.train_on_batch(images, targets)
    return 200 * 128 / (time.perf_counter() - started)


def measure(name: str, folder: Path) -> Any:
    """Measure one side; called in a process of its own."""
    return {"tutorial": tutorial, "whole": whole, "candidate": candidate}[name](folder)


def timed(settings: dict[str, Any], folder: Path) -> tuple[dict[str, Any], float]:
    """Run a whole training in a new process; return its result and its wall time."""
    os.environ["BENCHMARK_SETTINGS"] = json.dumps(settings)
    started = time.perf_counter()
    result = ask(__file__, "whole", folder)
    seconds = time.perf_counter() - started
    print(f"{seconds:.0f} s {result}", file=sys.stderr)
    return result, seconds


def row(name: str, result: dict[str, Any], seconds: float, baseline: float) -> str:
    """Return a row of the table."""
    low, high = result["interval"]
    until = ", ".join(f"{stage} {at:.0f}" for stage, at in result["until"].items())
    return (
        f"| {name} | {result['accuracy']:.4f} ({low:.4f} to {high:.4f}) | {result['epochs']} |"
        f" {seconds:.0f} s | 1/{baseline / seconds:.1f} | {until} |"
    )


def flow_row(folder: Path, baseline: float) -> str:
    """Run the command line itself, with Prefect, gate, report and registry; return its row."""
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "flows.cli", "run", "--data", str(folder), "--json"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PIXELGATE_HOME": home}
        started = time.perf_counter()
        ended = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            check=False,
        )  # fmt: skip
        seconds = time.perf_counter() - started
    summary = json.loads(ended.stdout)
    stages = ", ".join(f"{stage['name']} {stage['seconds']:.0f}" for stage in summary["stages"])
    metrics = summary["metrics"]
    return (
        f"| `pixelgate run`, to `{summary['outcome']}` | {metrics['accuracy']:.4f}"
        f" ({metrics['accuracy_low']:.4f} to {metrics['accuracy_high']:.4f}) |"
        f" {summary['training']['epochs']} | {seconds:.0f} s | 1/{baseline / seconds:.1f} |"
        f" {stages} (each) |"
    )


def rows(
    given: argparse.Namespace, mnist: Path, baseline: float
) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield the name of each row and the function that measures it."""
    for name, settings in MNIST.items():
        yield (
            name,
            lambda name=name, settings=settings: row(name, *timed(dict(settings), mnist), baseline),
        )
    yield "pixelgate run", lambda: flow_row(mnist, baseline)
    if given.cifar:
        preset = tomllib.loads((ROOT / "deployments/configs/small_rgb.toml").read_text("utf-8"))
        name = "CIFAR-10, small_rgb.toml"
        yield name, lambda: row(name, *timed(preset, given.cifar.absolute()), baseline)


def print_models() -> None:
    """Print the training rate of each architecture and precision."""
    print("\n## Models and precisions\n\nImages per second, batches of 128, 28 x 28, one batch.\n")
    print("| model | precision | XLA | images per second |\n|---|---|---|---|")
    for model in ("basic_cnn", "fast_cnn", "small_cnn"):
        for precision, jit in (("float32", False), ("float32", True), ("mixed_bfloat16", False)):
            os.environ["BENCHMARK_SETTINGS"] = json.dumps(
                {"model": model, "precision": precision, "jit_compile": jit}
            )
            rate = ask(__file__, "candidate", Path())
            print(f"| {model} | {precision} | {'yes' if jit else 'no'} | {rate:,.0f} |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mnist", type=Path, help="MNIST as files: training/ and testing/")
    parser.add_argument("--cifar", type=Path, help="CIFAR-10 as files: train/ and test/")
    parser.add_argument("--only", help="measure only the rows whose name contains this text")
    parser.add_argument("--models", action="store_true", help="also time the models alone")
    given = parser.parse_args()
    mnist = given.mnist.absolute()
    baseline = ask(__file__, "tutorial", mnist)
    shown = [Path(part).name if "/" in part else part for part in sys.argv[1:]]
    print(f"`python benchmarks/train.py {' '.join(shown)}`, {os.cpu_count()} cores.\n")
    print(f"The tutorial's ten epochs: {baseline:.0f} s, from its rate on {TUTORIAL_STEPS} steps;"
          " its accuracy 0.9876.\n")  # fmt: skip
    print("| what | test accuracy (95% interval) | epochs | whole process | of the tutorial's |"
          " seconds until |\n|---|---|---|---|---|---|")  # fmt: skip
    for name, measured in rows(given, mnist, baseline):
        if given.only is None or given.only in name:
            print(measured(), flush=True)
    if given.models:
        print_models()


if __name__ == "__main__":
    main()
