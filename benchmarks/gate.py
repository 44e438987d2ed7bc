"""How fast is the gate? Cold and warm inventory beside the tutorial's loop, and GX by rows.

Both sides of every ratio run in this one command, each in a process of its own, in turns:

    python benchmarks/gate.py mnist_png/ > benchmarks/results/gate.md
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

ROUNDS = 3
ROWS = (70_000, 1_000_000)


def tutorial_loop(folder: Path) -> int:
    """Read height and width of every file as the tutorial did."""
    import numpy as np
    from PIL import Image
    from tqdm import tqdm

    files = sorted(folder.rglob("*.png"))
    return len([np.array(Image.open(file)).shape for file in tqdm(files, disable=None)])


def inventory(folder: Path, cache: Path | None) -> int:
    """Take the product's inventory, with everything it knows of each picture."""
    from tasks.config import DataConfig
    from tasks.inventory.scan import take_inventory

    return len(take_inventory(DataConfig(directory=folder), seed=42, cache=cache))


def synthesised(rows: int) -> pd.DataFrame:
    """Make an inventory of this many rows."""
    import pandas as pd

    from tasks.inventory.columns import COLUMNS, DTYPES

    number = pd.Series(range(rows))
    return pd.DataFrame(
        {
            "path": "class/" + number.astype("str") + ".png",
            "split": (number % 10).map(lambda n: {0: "test", 1: "validation"}.get(n, "train")),
            "label": "class " + (number // 10 % 10).astype("str"),
            "format": "PNG",
            "mode": "L",
            "height": 28,
            "width": 28,
            "channels": 1,
            "bytes": 300,
            "mtime_ns": 1,
            "sha256": number.map("{:064x}".format),
            "error": None,
            "brightness": 33.0,
            "contrast": 77.0,
            "sharpness": 12_000.0,
            "entropy": 1.6,
            "aspect": 1.0,
            "bit_depth": 8,
            "frames": 1,
            "orientation": 1,
            "honest_suffix": True,
            "perceptual_hash": "0" * 16,
        }
    )[list(COLUMNS)].astype(DTYPES)


def validation(frame: pd.DataFrame) -> int:
    """Run every expectation over an inventory."""
    from tasks.config import GateConfig
    from tasks.validation.stage import validate_inventory

    with tempfile.TemporaryDirectory() as folder:
        verdict = validate_inventory(frame, GateConfig(), directory=Path(folder))
    return len(verdict.findings)


def one_side(side: str, folder: Path, cache: Path) -> None:
    """Run one side in this process and print its seconds and its peak memory, libraries loaded."""
    import tasks.validation.stage  # noqa: F401 - the sides differ in work, not in what they load

    frame = synthesised(int(side.removeprefix("gx"))) if side.startswith("gx") else None
    work = {
        "tutorial": lambda: tutorial_loop(folder),
        "cold": lambda: inventory(folder, None),
        "warm": lambda: inventory(folder, cache),
    }.get(side, lambda: validation(frame))
    started = time.perf_counter()
    items = work()
    seconds = time.perf_counter() - started
    usage = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    peak = max(resource.getrusage(who).ru_maxrss for who in usage) / 2**20
    print(json.dumps({"seconds": seconds, "items": items, "gib": peak}))


def measure(side: str, folder: Path, cache: Path) -> dict[str, float]:
    """Run one side in a fresh process."""
    command = [sys.executable, __file__, str(folder), "--side", side, "--cache", str(cache)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return result


def report(folder: Path) -> None:
    """Measure all sides in turns and print the table."""
    sides = ("tutorial", "cold", "warm")
    with tempfile.TemporaryDirectory() as place:
        cache = Path(place)
        measure("warm", folder, cache)
        rounds = [{side: measure(side, folder, cache) for side in sides} for _ in range(ROUNDS)]
        rules = {rows: measure(f"gx{rows}", folder, cache) for rows in ROWS}
    median = {side: statistics.median(each[side]["seconds"] for each in rounds) for side in sides}
    print("# The gate's speed\n")
    print(f"`python benchmarks/gate.py {folder.name}/`, median of {ROUNDS} rounds in turns.\n")
    print("| what | files or expectations | seconds | peak GiB of one process |")
    print("|---|---|---|---|")
    for side in sides:
        last = rounds[-1][side]
        print(f"| {side} | {last['items']:,} | {median[side]:.2f} | {last['gib']:.2f} |")
    for rows, found in rules.items():
        name = f"GX, {rows:,} rows"
        print(f"| {name} | {found['items']} | {found['seconds']:.2f} | {found['gib']:.2f} |")
    print("\n| ratio | reached | wanted |")
    print("|---|---|---|")
    print(f"| tutorial / cold | {median['tutorial'] / median['cold']:.2f} | 1 |")
    print(f"| cold / warm | {median['cold'] / median['warm']:.1f} | 40 |")


def main() -> None:
    """Parse the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="MNIST as PNG files")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--cache", type=Path, default=Path(), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        one_side(given.side, given.folder, given.cache)
    else:
        report(given.folder)


if __name__ == "__main__":
    main()
