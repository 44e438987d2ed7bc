"""How fast is the gate? Inventory against the tutorial's loop and cleanvision, and GX by rows.

Both sides of every ratio run in this one command, in turns, each in its own process:

    pip install --constraint constraints.txt -e '.[bench]'
    python benchmarks/gate.py mnist_png/ > benchmarks/results/gate.md

With `--million`, a million PNG files are written to the system's temporary folder first, and their
inventory is taken end to end.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from memory import Memory
from synthetic import MILLION, PHOTOS, write_million, write_photos

if TYPE_CHECKING:
    from collections.abc import Callable

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


def cleanvision_checks(folder: Path) -> int:
    """Run cleanvision's default checks in one process, which is faster here than several."""
    from cleanvision import Imagelab

    lab = Imagelab(data_path=str(folder))
    lab.find_issues(n_jobs=1, verbose=False)
    return len(lab.issues)


def inventory(folder: Path, cache: Path) -> int:
    """Take the product's inventory, with all features and hashes of each image."""
    from tasks.config.data import DataConfig
    from tasks.inventory.scan import take_inventory

    return len(take_inventory(DataConfig(directory=folder), seed=42, cache_dir=cache))


def synthetic_inventory(rows: int) -> pd.DataFrame:
    """Return an inventory of this many rows, with random features and thumbnails."""
    import numpy as np
    import pandas as pd

    from tasks.inventory.columns import COLUMNS, DTYPES

    random = np.random.default_rng(0)
    number = pd.Series(range(rows))
    thumbs = random.integers(0, 255, (rows, 256), dtype=np.uint8)
    hashes = number.map("{:032x}".format)
    frame = pd.DataFrame(
        {
            "path": "class/" + number.astype("str") + ".png",
            "split": (number % 10).map(lambda n: {0: "test", 1: "validation"}.get(n, "train")),
            "label": "class " + (number // 10 % 10).astype("str"),
            "siblings": None,
            "group": None,
            "format": "PNG",
            "mode": "L",
            "height": 28,
            "width": 28,
            "channels": 1,
            "bytes": 300,
            "mtime_ns": 1,
            "sha256": hashes * 2,
            "error": None,
            "brightness": random.normal(33, 5, rows),
            "contrast": random.normal(77, 5, rows),
            "sharpness": random.normal(12_000, 2_000, rows),
            "entropy": 1.6,
            "aspect": 1.0,
            "bit_depth": 8,
            "frames": 1,
            "orientation": 1,
            "format_matches_extension": True,
            "perceptual_hash": "0" * 16,
            "pixel_hash": hashes,
            "thumbnail": [thumb.tobytes() for thumb in thumbs],
            "value_low": None,
            "value_high": None,
            "damage": None,
        }
    )
    return frame[list(COLUMNS)].astype(DTYPES)


def validation(rows: int) -> Callable[[], int]:
    """Prepare an inventory and a baseline; return a function that checks every expectation."""
    from tasks.config.schema import RetrainConfig
    from tasks.validation.baseline import accept_baseline
    from tasks.validation.context import gather_context
    from tasks.validation.validate import validate_inventory
    from tasks.validation.verdict import Verdict

    frame = synthetic_inventory(rows)
    home = Path(tempfile.mkdtemp())
    config = RetrainConfig(home=home)
    empty = Verdict(accepted=True, findings=(), data_fingerprint="", data_docs=home,
                    offenders=home, quarantine=home)  # fmt: skip
    before = frame.iloc[: rows * 9 // 10]
    accept_baseline(config.paths, before, empty, run_id="before", max_baselines=1)
    context = gather_context(config.paths, champion_classes=None)

    def run() -> int:
        verdict = validate_inventory(frame, config.gate, directory=home / "now", context=context)
        return len(verdict.findings)

    return run


def one_side(side: str, folder: Path, cache: Path) -> None:
    """Run one side in this process and print its seconds and its peak memory as JSON."""
    import tasks.validation.validate  # noqa: F401 - all sides load the same libraries

    work = {
        "tutorial": lambda: tutorial_loop(folder),
        "cleanvision": lambda: cleanvision_checks(folder),
        "cold": lambda: inventory(folder, Path(tempfile.mkdtemp())),
        "warm": lambda: inventory(folder, cache),
    }
    run = validation(int(side.removeprefix("gx"))) if side.startswith("gx") else work[side]
    with Memory() as memory:
        started = time.perf_counter()
        items = run()
        seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "items": items, "gib": memory.peak}))


def measure(side: str, folder: Path, cache: Path) -> dict[str, float]:
    """Run one side in a fresh process."""
    command = [sys.executable, __file__, str(folder), "--side", side, "--cache", str(cache)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"{side} failed:\n{ended.stderr[-3000:]}")
    result: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return result


def report_sides(folder: Path) -> None:
    """Measure the sides in turns and print their table and ratios."""
    sides = ("tutorial", "cold", "warm")
    with tempfile.TemporaryDirectory() as temporary:
        cache = Path(temporary)
        measure("warm", folder, cache)  # fills the cache
        rounds = [{side: measure(side, folder, cache) for side in sides} for _ in range(ROUNDS)]
        peer = measure("cleanvision", folder, cache)
    median = {side: statistics.median(each[side]["seconds"] for each in rounds) for side in sides}
    print(f"`python benchmarks/gate.py {folder.name}/`, median of {ROUNDS} rounds in turns.")
    print("cleanvision ran once, its default checks in one process.\n")
    print("| what | files | seconds | images per second | peak GiB |")
    print("|---|---|---|---|---|")
    for side in sides:
        last, seconds = rounds[-1][side], median[side]
        speed = last["items"] / seconds
        print(f"| {side} | {last['items']:,} | {seconds:.2f} | {speed:,.0f} | {last['gib']:.2f} |")
    speed = peer["items"] / peer["seconds"]
    print(f"| cleanvision | {peer['items']:,} | {peer['seconds']:.2f} | {speed:,.0f} |"
          f" {peer['gib']:.2f} |")  # fmt: skip
    print("\n| ratio of seconds | reached | target |")
    print("|---|---|---|")
    print(f"| tutorial / cold | {median['tutorial'] / median['cold']:.2f} | 1.5 |")
    print(f"| cleanvision / cold | {peer['seconds'] / median['cold']:.1f} | 5 |")
    print(f"| cold / warm | {median['cold'] / median['warm']:.1f} | 40 |")


def report_photos() -> None:
    """Measure cold and warm on files of more than a few hundred bytes."""
    print(f"\n{PHOTOS:,} JPEG files of 1024 x 768 pixels, where checking a file costs what it does",
          "outside of benchmarks:\n")  # fmt: skip
    print("| what | seconds | images per second | peak GiB |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        folder, cache = Path(temporary, "photos"), Path(temporary, "cache")
        write_photos(folder)
        # The first run starts with an empty cache.
        results = {"cold": measure("warm", folder, cache), "warm": measure("warm", folder, cache)}
    for name, side in results.items():
        speed = side["items"] / side["seconds"]
        print(f"| {name} | {side['seconds']:.2f} | {speed:,.0f} | {side['gib']:.2f} |")
    print("\n| ratio of seconds | reached | target |")
    print("|---|---|---|")
    print(f"| cold / warm | {results['cold']['seconds'] / results['warm']['seconds']:.0f} | 40 |")


def report_rules(folder: Path) -> None:
    """Measure every expectation on synthetic inventories, with a baseline."""
    print("\nEvery expectation, including drift and Data Docs, on a synthetic inventory:\n")
    print("| rows | expectations | seconds | peak GiB | target |")
    print("|---|---|---|---|---|")
    for rows in ROWS:
        result = measure(f"gx{rows}", folder, Path())
        target = "60 s, 3 GiB" if rows == MILLION else ""
        print(f"| {rows:,} | {result['items']} | {result['seconds']:.1f} | {result['gib']:.2f} |"
              f" {target} |")  # fmt: skip


def report_million() -> None:
    """Take the inventory of a million files, cold and warm."""
    print("\nA million PNG files of 12 x 12 pixels, the complete inventory (`--million`):\n")
    print("| what | seconds | images per second | peak GiB | target |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        folder, cache = Path(temporary, "million"), Path(temporary, "cache")
        write_million(folder)
        for name in ("first", "again"):
            result = measure("warm", folder, cache)
            speed = result["items"] / result["seconds"]
            print(f"| {name} | {result['seconds']:.1f} | {speed:,.0f} | {result['gib']:.2f} |"
                  " 4 GiB |")  # fmt: skip


def main() -> None:
    """Parse the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="MNIST as PNG files")
    parser.add_argument("--million", action="store_true", help="also inventory a million files")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--cache", type=Path, default=Path(), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        one_side(given.side, given.folder, given.cache)
        return
    print("# The gate's speed\n")
    report_sides(given.folder)
    report_photos()
    report_rules(given.folder)
    if given.million:
        report_million()


if __name__ == "__main__":
    main()
