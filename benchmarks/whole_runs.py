"""What does a whole retraining take: seconds, and the memory of all its processes together?

`pixelgate run` with no settings, each folder in a home that did not exist before, and again with
nothing changed. With `--before`, another checkout does the same in turns.

    python benchmarks/whole_runs.py mnist_png/ clothing/ --before ../pixelgate-before

Memory is the peak of the sum over the command and its children, the Prefect server included; what
processes share counts for each of them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memory import Memory

COLUMNS = ("data", "run", "code", "outcome", "test accuracy (95% interval)", "seconds",
           "of that inventory", "training", "the rest", "peak of memory, GiB")  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """One run: its summary, seconds, and peak of memory in GiB."""

    summary: dict[str, Any]
    seconds: float
    peak: float

    @property
    def row(self) -> str:
        """The cells of the table."""
        metrics = self.summary["metrics"] or {}
        accuracy = "{accuracy:.4f} ({accuracy_low:.4f} to {accuracy_high:.4f})".format(**metrics)
        stages = {each["name"]: each["seconds"] for each in self.summary["stages"]}
        inventory, train = stages["inventory"], stages.get("train", 0.0)
        rest = self.seconds - inventory - train
        return (
            f"{self.summary['outcome']} | {accuracy} | {self.seconds:.0f} | {inventory:.0f}"
            f" | {train:.0f} | {rest:.0f} | {self.peak:.2f}"
        )


def measure(checkout: Path, data: Path, home: Path) -> Measured:
    """Run the command of a checkout."""
    command = [sys.executable, "-m", "flows.cli", "run", "--data", str(data), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(checkout), "PIXELGATE_HOME": str(home)}
    started = time.perf_counter()
    with Memory() as memory:
        ended = subprocess.run(
            command, cwd=checkout, env=environment, capture_output=True, text=True, check=False
        )
    seconds = time.perf_counter() - started
    if ended.returncode:
        raise SystemExit(f"{command} failed:\n{ended.stderr[-3000:]}")
    return Measured(json.loads(ended.stdout), seconds, memory.peak)


def main() -> None:
    """Parse the command, and print the table as it fills."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="images, one folder for each class")
    parser.add_argument("--before", type=Path, help="another checkout to compare with")
    given = parser.parse_args()
    checkouts = {"now": Path(__file__).resolve().parents[1]}
    if given.before:
        checkouts = {"before": given.before.resolve(), **checkouts}
    print("|", " | ".join(COLUMNS), "|")
    print("|---" * len(COLUMNS) + "|")
    with tempfile.TemporaryDirectory() as homes:
        for folder in given.folders:
            for run in ("first", "again"):
                for code, checkout in checkouts.items():
                    home = Path(homes, f"{folder.resolve().name}-{code}")
                    measured = measure(checkout, folder.resolve(), home)
                    print(f"| {folder.name} | {run} | {code} | {measured.row} |", flush=True)


if __name__ == "__main__":
    main()
