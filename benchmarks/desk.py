"""How long do the desk's pages take with 1,000 runs, one of them of 1,000,000 images?

A home is generated: 1,000 runs of ten models, each with a summary of the usual size, a ledger for
each model, and one run with the inventory, the predictions and the offenders of 1,000,000 files.
The desk serves it from a process of its own; each page is asked for once, which is its first time,
and then ROUNDS times in turns with `/healthz`.

    python benchmarks/desk.py
    python benchmarks/desk.py --runs 100 --images 10000
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import io
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from PIL import Image

from tasks.inventory import columns
from tasks.outcome import Outcome
from tasks.registry.decision_ledger import Step, append, read_ledger
from tasks.runs.run_folder import CONFIG, EVALUATION, INVENTORY, MOMENT, NUMBER, SUMMARY
from tasks.runs.summary import RunSummary, StageTime
from tasks.storage.atomic import write_parquet
from tasks.storage.home import Home

if TYPE_CHECKING:
    from collections.abc import Iterator

MODELS, CLASSES, ROUNDS, DRAWN, SEED = 10, 10, 21, 120, 0
STAGES = ("inventory", "validate", "generators", "train", "evaluate", "register")
ENDS = (Outcome.PROMOTED, Outcome.KEPT_CHAMPION, Outcome.UNCHANGED, Outcome.DATA_REJECTED)


def write_store(home: Home, data: Path, runs: int, images: int) -> str:
    """Write a home of many runs; return the id of the newest one, which has the images."""
    run_id = ""
    for number in range(1, runs + 1):
        run_id = _write_run(home.renamed(f"model{number % MODELS}"), number, runs, data, images)
    _write_images(home.runs / run_id, data, images)
    return run_id


def _write_run(home: Home, number: int, runs: int, data: Path, images: int) -> str:
    started = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=runs - number + 1)
    run_id = f"{started.strftime(MOMENT)}-{number:04x}"
    folder = home.runs / run_id
    folder.mkdir(parents=True)
    settings = {"name": home.name, "data": {"directory": str(data)}}
    (folder / CONFIG).write_text(json.dumps(settings), "utf-8")
    (folder / NUMBER).write_text(f"{number}\n", "utf-8")
    ends = ENDS[number // MODELS % len(ENDS)]
    summary = RunSummary(
        run_id=run_id,
        name=home.name,
        outcome=ends,
        message=ends.headline,
        exit_code=0,
        images=images,
        classes=[f"class{each}" for each in range(CLASSES)],
        gate=[_finding(each) for each in range(50)],
        slices=[_slice(each) for each in range(60)],
        metrics={"accuracy": 0.98, "accuracy_low": 0.97, "accuracy_high": 0.99},
        model_version=str(number),
        stages=[StageTime(name=name, seconds=20.0) for name in STAGES],
        started=started,
        finished=started + timedelta(minutes=2),
        directory=Path("runs", run_id),
        report=Path("runs", run_id, "report.html"),
    )
    (folder / SUMMARY).write_text(summary.model_dump_json(indent=2), "utf-8")
    if ends is Outcome.PROMOTED:
        _promote(home, str(number), run_id)
    return run_id


def _finding(number: int) -> dict[str, Any]:
    return {
        "rule": f"rule_{number}",
        "threshold": "0.01",
        "observed": "0 of 1,000,000 files",
        "success": number > 0,
        "severity": "warning",
        "remedy": "Look at the listed files, and fix or remove them.",
        "expectation": f"expect_rule_{number}_to_hold",
        "description": "Every image is what this rule expects of it.",
        "offenders": 10,
        "examples": [f"class0/part_00/{each}.png" for each in range(10)],
        "value": None,
        "quarantined": False,
        "grouped": False,
        "note": "",
    }


def _slice(number: int) -> dict[str, Any]:
    names = {"kind": "slice", "name": f"property {number}"}
    return {**names, "images": 1_000, "accuracy": 0.98, "champion": 0.97}


def _promote(home: Home, version: str, run_id: str) -> None:
    entries = read_ledger(home.ledger())
    before = entries[-1].version if entries else None
    for step in (Step.BEGUN, Step.DONE):
        append(
            home.ledger(),
            entries,
            step=step,
            action="promote",
            version=version,
            before=before,
            who=f"run {run_id}",
            why="better than the champion",
        )


def _write_images(folder: Path, data: Path, images: int) -> None:
    """Write what a run knows about its images; the first of the files are really there."""
    random = np.random.default_rng(SEED)
    numbers = np.arange(images)
    label = [f"class{each * CLASSES // images}" for each in range(images)]
    path = [
        f"{name}/part_{each // 1000:03d}/image_{each:07d}.png" for each, name in enumerate(label)
    ]
    sizes = random.integers(16, 1_024, (images, 2))
    digest = [hashlib.sha256(each.to_bytes(8)).hexdigest() for each in range(images)]
    frame = pd.DataFrame(index=range(images), columns=[*columns.COLUMNS], dtype=object)
    frame = frame.assign(
        path=path,
        label=label,
        split=np.where(numbers % 5 == 0, "test", "train"),
        format="PNG",
        mode="RGB",
        height=sizes[:, 0],
        width=sizes[:, 1],
        channels=3,
        bytes=random.integers(1_000, 100_000, images),
        mtime_ns=0,
        sha256=digest,
        brightness=random.random(images),
        perceptual_hash=[each[:16] for each in digest],
        pixel_hash=digest,
    )
    _draw_first(frame, data)
    frame = frame.astype(columns.DTYPES).drop(columns=columns.THUMBNAIL)
    write_parquet(folder / INVENTORY, frame)
    tested = frame[frame[columns.SPLIT] == columns.TEST]
    answers = random.integers(0, CLASSES, len(tested))
    is_right = random.random(len(tested)) < 0.9  # noqa: PLR2004 - nine of ten answers are right
    predicted = np.where(is_right, tested[columns.LABEL], [f"class{each}" for each in answers])
    table = tested[[columns.PATH, columns.SHA256, columns.LABEL]].assign(
        predicted=predicted, probability=random.random(len(tested))
    )
    write_parquet(folder / EVALUATION.replace(".json", ".parquet"), table.reset_index(drop=True))
    chosen = random.choice(images, images // 100, replace=False)
    broken = pd.DataFrame({"path": [path[each] for each in chosen]})
    rules = broken.assign(rule="sizes", expectation="expect_sizes", value="16x16")
    write_parquet(folder / "validation/offenders.parquet", rules)


def _draw_first(frame: pd.DataFrame, data: Path) -> None:
    random = np.random.default_rng(SEED)
    for row in range(min(DRAWN, len(frame))):
        shapes = Image.fromarray(random.integers(0, 255, (9, 12, 3), dtype=np.uint8))
        content = io.BytesIO()
        shapes.resize((1024, 768), Image.Resampling.BICUBIC).save(content, "JPEG", quality=90)
        file = data / str(frame.loc[row, columns.PATH])
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.getvalue())
        frame.loc[row, columns.SHA256] = hashlib.sha256(content.getvalue()).hexdigest()
        frame.loc[row, columns.BYTES] = len(content.getvalue())


def pages_of(run_id: str, images: int) -> dict[str, str]:
    """Return the addresses to measure, by what they are called in the table."""
    browser = f"/runs/{run_id}/images"
    last = -(-images // 60)
    return {
        "first screen": "/",
        "history of runs": "/runs",
        "a run": f"/runs/{run_id}",
        "a model": f"/models/model{MODELS - 1}",
        "metrics": "/metrics",
        "images, the first page": browser,
        "images, in the middle": f"{browser}?page={max(1, last // 2)}",
        "images, the last page": f"{browser}?page={last}",
        "images of a class": f"{browser}?label=class3",
        "wrong answers, the surest first": f"{browser}?answer=wrong&sort=-probability",
        "images that broke a rule": f"{browser}?rule=sizes",
        "text in the path": f"{browser}?text=part_05",
        "the largest first": f"{browser}?sort=-pixels",
        "one image": f"{browser}/{images // 2}?label=class5",
        "one thumbnail": f"{browser}/7/thumbnail",
    }


def measure(port: int, pages: dict[str, str], rounds: int) -> Iterator[dict[str, Any]]:
    """Yield one row for each page."""
    for name, address in pages.items():
        first = _ask(port, address)
        pairs = [(_ask(port, address), _ask(port, "/healthz")) for _ in range(rounds)]
        seconds = statistics.median(page for page, _ in pairs)
        yield {
            "page": name,
            "first": 1_000 * first,
            "median": 1_000 * seconds,
            "slowest": 1_000 * max(page for page, _ in pairs),
            "ratio": statistics.median(page / health for page, health in pairs),
        }


def _ask(port: int, address: str) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    started = time.perf_counter()
    connection.request("GET", address)
    answer = connection.getresponse()
    answer.read()
    seconds = time.perf_counter() - started
    connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise SystemExit(f"{address}: {answer.status}")
    return seconds


def serve_and_measure(home: Path, pages: dict[str, str], rounds: int) -> list[dict[str, Any]]:
    """Start the desk, wait until it says where it is, measure, and end it."""
    log = home.parent / "desk.log"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", "flows.cli", "desk", "--home", str(home), "--port", "0"]
    with log.open("w") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=out)
    try:
        while not (found := re.search(r"desk: http://127.0.0.1:(\d+)", log.read_text())):
            if process.poll() is not None:
                raise SystemExit(log.read_text())
            time.sleep(0.05)
        started = time.perf_counter()
        first = _ask(int(found[1]), "/")
        print(f"First screen, just started: {first:.2f} s")
        time.sleep(max(0.0, 5 - (time.perf_counter() - started)))
        return list(measure(int(found[1]), pages, rounds))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--store", type=Path, help="where the home is kept and used again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        store = arguments.store or Path(scratch)
        home = Home("model0", store / "home")
        known = sorted(home.runs.glob("*"))
        run_id = (
            known[-1].name
            if known
            else write_store(home, store / "data", arguments.runs, arguments.images)
        )
        rows = serve_and_measure(home.root, pages_of(run_id, arguments.images), arguments.rounds)
    print("| page | first, ms | median, ms | slowest, ms | in units of /healthz |")
    print("|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row['page']} | {row['first']:.0f} | {row['median']:.0f} | {row['slowest']:.0f}"
            f" | {row['ratio']:.0f} |"
        )


if __name__ == "__main__":
    main()
