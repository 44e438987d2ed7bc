"""How soon does `predict` answer, and how much slower is it than decoding alone?

First answers: new processes of `pixelgate predict` on one image, from the ONNX file and from the
.keras file, on a home that `pixelgate demo` made. Speed: JPEG files of 224 x 224 pixels, decoded
for a model of each size and answered by it, against the same files only decoded by the same
processes; the two take turns, and the median of the ratios is what counts.

    python benchmarks/predict.py first
    python benchmarks/predict.py speed --images 4000
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tasks.models.contract import InputContract
from tasks.runtime import environment

if TYPE_CHECKING:
    from tasks.serving.answering import Answering
    from tasks.serving.given_files import GivenFile

SIDE, ROUNDS, MAX_PIXELS = 224, 3, 10**8
CLASSES = tuple(f"class{number}" for number in range(10))


def write_jpegs(folder: Path, count: int) -> None:
    """Write JPEG files of 224 x 224 pixels, soft shapes with some noise."""
    random = np.random.default_rng(0)
    for number in range(count):
        shapes = Image.fromarray(random.integers(0, 255, (7, 7, 3), dtype=np.uint8))
        pixels = np.asarray(shapes.resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.int16)
        noisy = (pixels + random.integers(-9, 9, pixels.shape)).clip(0, 255).astype(np.uint8)
        data = io.BytesIO()
        Image.fromarray(noisy).save(data, "JPEG", quality=90)
        (folder / f"{number}.jpg").write_bytes(data.getvalue())


def open_untrained(side: int, model: str, folder: Path) -> Answering:
    """Export a model of our own without training it, which changes nothing in its speed."""
    from tasks.config.schema import RetrainConfig
    from tasks.exports.onnx_file import write_onnx
    from tasks.exports.onnx_session import OnnxModel
    from tasks.models.architectures import build_model
    from tasks.serving.answering import ONNX, Answering

    contract = InputContract(CLASSES, side, side, "rgb", "categorical")
    config = RetrainConfig.model_validate({"training": {"model": model}})
    write_onnx(build_model(contract, config.training, rescale=1 / 255), contract, folder / "m.onnx")
    opened = OnnxModel.open(folder / "m.onnx")
    return Answering("0", ONNX, contract, opened.predict)


def time_both(files: list[GivenFile], model: Answering) -> tuple[float, float]:
    """Return the seconds of decoding alone, and of decoding and answering."""
    from tasks.serving.predictor import answer_files, decode_files

    started = time.perf_counter()
    decoded = sum(len(batch.images) for batch in decode_files(files, model.contract, MAX_PIXELS))
    middle = time.perf_counter()
    answered = len(answer_files(files, model, max_pixels=MAX_PIXELS))
    ended = time.perf_counter()
    if not decoded == answered == len(files):
        raise SystemExit("some of the files were not decoded")
    return middle - started, ended - middle


def measure_speed(count: int) -> list[dict[str, Any]]:
    """Return one row for each size of input."""
    from tasks.serving.given_files import expand_given

    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "jpegs")
        folder.mkdir()
        write_jpegs(folder, count)
        files = expand_given([folder])
        for side in (32, 64, 96):
            model = open_untrained(side, "fast_cnn", Path(scratch))
            time_both(files[:600], model)
            pairs = [time_both(files, model) for _ in range(ROUNDS)]
            rows.append(
                {
                    "input": side,
                    "decoded / s": round(count / statistics.median(alone for alone, _ in pairs)),
                    "answered / s": round(count / statistics.median(both for _, both in pairs)),
                    "ratio": round(statistics.median(alone / both for alone, both in pairs), 3),
                }
            )
    return rows


def measure_first() -> list[dict[str, Any]]:
    """Return one row for each file that can answer."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch, "home")
        cli = (sys.executable, "-m", "flows.cli")
        quiet: dict[str, Any] = {"capture_output": True, "cwd": scratch}
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        subprocess.run([*cli, "demo", "--home", str(home)], check=True, env=env, **quiet)
        image = next((home / "demo/digits").rglob("*.png"))
        predict = [*cli, "predict", str(image), "--name", "digits", "--home", str(home)]
        rows = [{"file": "ONNX", **_time_commands(predict, env, quiet)}]
        for file in home.rglob("model.onnx"):
            file.unlink()
        return [*rows, {"file": ".keras", **_time_commands(predict, env, quiet)}]


def _time_commands(
    command: list[str], env: dict[str, str], options: dict[str, Any]
) -> dict[str, float]:
    seconds = []
    # The first one finds the libraries' files not yet in the system's cache.
    for _ in range(1 + 2 * ROUNDS):
        started = time.perf_counter()
        subprocess.run(command, check=True, env=env, **options)
        seconds.append(time.perf_counter() - started)
    return {
        "median s": round(statistics.median(seconds[1:]), 2),
        "fastest s": round(min(seconds[1:]), 2),
    }


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("first", "speed"))
    parser.add_argument("--images", type=int, default=4_000)
    arguments = parser.parse_args()
    environment.prepare()
    rows = measure_first() if arguments.what == "first" else measure_speed(arguments.images)
    sys.stdout.write(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
