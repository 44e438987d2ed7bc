"""How long from command to verdict, where there is little or nothing to train?

Whole processes, in turns: the imports alone (`import pandas, great_expectations, prefect`, the unit
of the ratios), `pixelgate gate` on 320 files with and without anything new, and `pixelgate run` on
MNIST with nothing new. With `--before`, another checkout does the same in the same turns, each side
with homes of its own.

    python benchmarks/verdict.py mnist_png/ --before ../pixelgate-before

Seconds are the median of the rounds; processor seconds are those of the process and of the
children it has waited for, so without the embedded Prefect server.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

IMPORTS = [sys.executable, "-c", "import pandas, great_expectations, prefect"]
PER_CLASS = 32
NEW_HOME, ONE_MORE = "gate, 320 files, new home", "gate, one image more"
NOTHING_NEW, UNCHANGED = "gate, nothing new", "unchanged run"
TARGETS = {NEW_HOME: 0.6, ONE_MORE: 0.6, NOTHING_NEW: 0.6, UNCHANGED: 1.7}


@dataclass(frozen=True)
class Side:
    """A checkout and the homes that it made."""

    name: str
    checkout: Path
    homes: Path

    def measure(self, what: str, data: Path, few: Path) -> tuple[float, float]:
        """Run one of the commands; return its seconds and processor seconds."""
        if what == UNCHANGED:
            return self.time("retrained", ["run", "--data", str(data), *ONE_EPOCH])
        if what == NEW_HOME:
            shutil.rmtree(self.homes / "new", ignore_errors=True)
            return self.time("new", ["gate", str(few)])
        return self.time("accepted", ["gate", str(few)])

    def prepare(self, data: Path, few: Path) -> None:
        """Make the homes in which something was accepted, and something was trained."""
        self.time("accepted", ["baseline", "accept", str(few), "--reason", "measured"])
        self.time("retrained", ["run", "--data", str(data), *ONE_EPOCH])

    def time(self, home: str, arguments: list[str]) -> tuple[float, float]:
        """Run a command of this checkout in one of its homes."""
        return timed(
            [sys.executable, "-m", "flows.cli", *arguments, "--home", str(self.homes / home)],
            self.checkout,
        )


ONE_EPOCH = ["--set", "training.epochs=1"]


def timed(command: list[str], checkout: Path) -> tuple[float, float]:
    """Run a command; return its seconds and processor seconds."""
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=output, stderr=output, cwd=checkout, env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        if status:
            output.seek(0)
            raise SystemExit(f"{command} failed:\n{output.read().decode()[-3000:]}")
    return seconds, usage.ru_utime + usage.ru_stime


def copy_few(data: Path, folder: Path) -> None:
    """Copy the first files of each class of a data set."""
    for directory in sorted((data / "training").iterdir()):
        (folder / directory.name).mkdir(parents=True)
        for file in sorted(directory.iterdir())[:PER_CLASS]:
            shutil.copy(file, folder / directory.name)


def add_one(data: Path, few: Path) -> None:
    """Add the next image of the first class, so that both sides have something to judge."""
    first = min((data / "training").iterdir())
    have = {file.name for file in (few / first.name).iterdir()}
    file = next(file for file in sorted(first.iterdir()) if file.name not in have)
    shutil.copy(file, few / first.name)


def report(data: Path, few: Path, sides: list[Side], rounds: int) -> None:
    """Measure in turns, and print the table."""
    for side in sides:
        side.prepare(data, few)
    keys = [(what, side) for what in TARGETS for side in sides]
    measured: dict[tuple[str, Side] | None, list[tuple[float, float]]] = {
        None: [],
        **{key: [] for key in keys},
    }
    for _ in range(rounds):
        measured[None].append(timed(IMPORTS, sides[0].checkout))
        add_one(data, few)
        for what, side in keys:
            measured[what, side].append(side.measure(what, data, few))
    median = {
        key: [statistics.median(each) for each in zip(*results, strict=True)]
        for key, results in measured.items()
    }
    unit = median[None]
    print(f"| imports alone | | {unit[0]:.1f} | {unit[1]:.1f} | 1.0 | |")
    for what, side in keys:
        seconds, processor = median[what, side]
        print(f"| {what} | {side.name} | {seconds:.1f} | {processor:.1f} |"
              f" {seconds / unit[0]:.2f} | {TARGETS[what]} |")  # fmt: skip


def main() -> None:
    """Parse the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="MNIST as PNG files")
    parser.add_argument("--before", type=Path, help="another checkout to compare with")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print("# From command to verdict\n")
    print(
        f"`python benchmarks/verdict.py {given.folder.name}/`, median of {given.rounds} rounds.\n"
    )
    print("| command | code | seconds | processor seconds | in units of the imports | wanted |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        checkouts = {"now": Path(__file__).resolve().parents[1]}
        if given.before:
            checkouts = {"before": given.before.resolve(), **checkouts}
        sides = [Side(name, path, folder / name) for name, path in checkouts.items()]
        copy_few(given.folder, folder / "few")
        report(given.folder.resolve(), folder / "few", sides, given.rounds)


if __name__ == "__main__":
    main()
