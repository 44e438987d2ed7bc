"""What an installation survives: `pixelgate up` with two models, and faults for half an hour.

    python benchmarks/soak.py --minutes 30 [--disk FOLDER]

Two models on short schedules, one of which also watches its folder. Files arrive; the run and the
worker are killed, Prefect's server is killed, `up` itself is killed and started again, half-copied
files come and go, and with --disk, a small file system of its own, the disk is full for a
while. In the end every run that was due has taken place once, none overlapped, each alarm came
once and each recovery too, and the ledgers verify.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.synthetic import draw
from tasks.monitoring.run_list import list_runs
from tasks.outcome import Outcome
from tasks.runs.run_folder import started_at
from tasks.runs.run_process import is_worked_on
from tasks.storage.home import Home

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODELS = ("alpha", "beta")
SETTINGS = """
[training]
epochs = 2
[exports]
onnx = false
[registry]
min_accuracy = 0.1
[evaluation]
corrupted_images = 0
"""
ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Receiver:
    """An HTTP server that keeps what alarms it was sent."""

    messages: list[tuple[float, str]] = field(default_factory=list)

    def serve(self) -> str:
        """Start; return the Apprise URL."""
        messages = self.messages

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                content = json.loads(body)
                said = f"{content.get('title', '')}: {content.get('message', '')}"
                messages.append((time.monotonic(), said))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Print nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"json://127.0.0.1:{server.server_address[1]}"


@dataclass
class Soak:
    """An installation, and what is done to it."""

    folder: Path
    home: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1000))
    done: Counter[str] = field(default_factory=Counter)

    def command(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Call pixelgate."""
        return subprocess.run(
            [sys.executable, "-m", "flows.cli", *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every command."""
        return {**os.environ, "PYTHONPATH": str(ROOT), "PIXELGATE_HOME": str(self.home)}

    def start(self) -> None:
        """Start `up` and wait for its desk."""
        with (self.folder / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "flows.cli", "up", "--port", str(self.port)),
                    *("--prefect-port", str(self.port + 1), "--mlflow-port", str(self.port + 2)),
                ],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            if b"open this" in (self.folder / "up.log").read_bytes().rpartition(b"Starting")[2]:
                return
            time.sleep(1)
        raise SystemExit("up did not start: " + (self.folder / "up.log").read_text())

    def images(self, model: str) -> Path:
        """Return the data folder of a model."""
        return self.folder / model

    def add_files(self) -> None:
        """Let ten images arrive in each folder."""
        for model in MODELS:
            for label in ("cat", "dog"):
                for _ in range(5):
                    number = next(self.numbers)
                    draw(self.images(model) / label / f"{number}.png", number)

    def kill_run(self) -> None:
        """Kill the worker and a run at work."""
        for summary in list_runs(Home("any", self.home))[:3]:
            if summary.outcome is Outcome.UNFINISHED and is_worked_on(summary.directory):
                text = (summary.directory / "process.json").read_text()
                kill(int(json.loads(text)["process"].split(":")[2]))
        for pid in processes_with(self.home, "worker"):
            kill(pid)

    def kill_server(self) -> None:
        """Kill Prefect's server."""
        for pid in processes_with(self.home, "server"):
            kill(pid)

    def kill_up(self) -> None:
        """Kill `up` and start it again."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        time.sleep(30)
        self.start()

    def bad_data(self) -> None:
        """Let half-copied files come, and go again after two runs had the time to see them."""
        bad = [self.images("alpha") / "cat" / f"bad{number}.png" for number in range(40)]
        for number, file in enumerate(bad):
            draw(file, number)
            file.write_bytes(file.read_bytes()[:-100])
        time.sleep(240)
        for file in bad:
            file.unlink()

    def fill_disk(self) -> None:
        """Leave no room on the home's disk for a minute and a half."""
        balloon = self.home / "balloon"
        with contextlib.suppress(OSError), balloon.open("wb") as file:
            while True:
                file.write(bytes(2**20))
        time.sleep(90)
        balloon.unlink()


def kill(pid: int) -> None:
    """Kill a process that may have ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def processes_with(home: Path, word: str) -> list[int]:
    """Return Prefect's processes of a home: its worker or its server."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            arguments = (folder / "cmdline").read_bytes().split(b"\0")
            environment = (folder / "environ").read_bytes()
            is_ours = f"PREFECT_HOME={home}".encode() in environment
            if is_ours and b"prefect" in arguments and word.encode() in arguments:
                found.append(int(folder.name))
    return [pid for pid in found if pid != os.getpid()]


def prepare(soak: Soak, url: str) -> None:
    """Write the data, the settings, the alarms and install two models."""
    for model in MODELS:
        for label in ("cat", "dog"):
            for number in range(60):
                draw(soak.images(model) / label / f"{number}.png", number)
    (soak.folder / "quick.toml").write_text(SETTINGS)
    soak.home.mkdir(parents=True, exist_ok=True)
    (soak.home / "alarms.toml").write_text(f'receivers = ["{url}"]\ndisk_low_gib = 0.5\n')
    schedules = {
        "alpha": ["--cron", "*/3 * * * *"],
        "beta": ["--cron", "*/4 * * * *", "--watch", "--quiet-seconds", "5"],
    }
    for model, schedule in schedules.items():
        arguments = ["--data", soak.images(model), "--config", soak.folder / "quick.toml"]
        ended = soak.command("models", "add", model, *arguments, *schedule)
        if ended.returncode:
            raise SystemExit(ended.stderr)


def report(soak: Soak, receiver: Receiver, began: datetime) -> list[str]:
    """Print what came of it; return what should not have happened."""
    problems, runs = [], list_runs(Home("any", soak.home))
    for model in MODELS:
        own = [each for each in runs if each.name == model]
        spans = sorted((started_at(each.run_id), each) for each in own)
        for (_, before), (start, after) in itertools.pairwise(spans):
            if before.finished is not None and before.finished > start + timedelta(seconds=1):
                problems.append(f"{before.run_id} and {after.run_id} overlapped")
        outcomes = Counter(each.outcome.value for each in own)
        print(f"{model}: {len(own)} runs: {dict(outcomes)}")
        longest = max(
            ((b - a).total_seconds() for (a, _), (b, _) in itertools.pairwise(spans)), default=0
        )
        print(f"  longest time between two starts: {longest:.0f} s")
        # One that is at work when the time is over has no outcome yet.
        newest = next((each for each in own if not is_worked_on(each.directory)), None)
        if newest is None or newest.outcome.value in ("failed", "unfinished", "data_rejected"):
            problems.append(f"{model} did not recover: {newest and newest.first_line}")
        verified = soak.command("ledger", "verify", "--name", model)
        if verified.returncode:
            problems.append(f"ledger of {model}: {verified.stderr}")
    print(f"done: {dict(soak.done)}; since {began:%H:%M}")
    for moment, said in receiver.messages:
        print(f"  {moment - receiver.messages[0][0]:6.0f} s  {said[:150]}")
    return problems


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--disk", type=Path, help="folder on a small file system of its own")
    parser.add_argument("--port", type=int, default=8290)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    soak, receiver = Soak(folder, (options.disk or folder) / "home", options.port), Receiver()
    prepare(soak, receiver.serve())
    began, end = datetime.now(UTC), time.monotonic() + 60 * options.minutes
    soak.start()
    print(f"up after {(datetime.now(UTC) - began).total_seconds():.0f} s in {folder}", flush=True)
    faults: list[Callable[[], None]] = [
        soak.add_files, soak.kill_run, soak.bad_data, soak.kill_server, soak.add_files,
        soak.kill_up, soak.kill_run,
    ]  # fmt: skip
    if options.disk:
        faults.insert(3, soak.fill_disk)
    choose = random.Random(options.seed)
    for fault in itertools.cycle(faults):
        # The last minutes are for recovery.
        if time.monotonic() > end - 300:
            break
        time.sleep(choose.uniform(40, 80))
        print(f"{datetime.now(UTC):%H:%M:%S} {fault.__name__}", flush=True)
        fault()
        soak.done[fault.__name__] += 1
    time.sleep(max(0.0, end - time.monotonic()))
    problems = report(soak, receiver, began)
    down = soak.command("down")
    left = [pid for word in ("worker", "server") for pid in processes_with(soak.home, word)]
    if down.returncode or left:
        problems.append(f"down: {down.stderr.strip()}; left: {left}")
    print("\n".join(problems) or "no lost run, no overlap, nothing left behind")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
