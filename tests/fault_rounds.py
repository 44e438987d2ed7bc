"""Retrainings that are ended at random moments, and what must hold whenever one was.

A round adds an image, so that there is something to train, starts the command a few times and ends
it each time by a random signal at a random moment, then lets it end. Everything random is drawn
from the seed of the round, which every complaint names.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from tests.command_line import command_of
from tests.image_trees import ROOT, draw_image, state_of, write_tree
from tests.processes import interruptible, processes_of, unmeasured, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
INTERRUPTED_CODES = {signal.SIGKILL: {-9}, signal.SIGTERM: {143, -15}, signal.SIGINT: {130, -2}}
SENTENCE = "interrupted; run the same command to resume"
MOST_KILLS = 4
SECONDS_TO_END = 60.0
ENDS_WELL = {"promoted", "kept_champion", "unchanged"}
# What libraries keep for the user, whatever home is.
LIBRARIES = {".cache", ".config", ".keras", ".great_expectations"}
SETTINGS = {
    "training.epochs": 1,
    "training.model": "small_cnn",
    "training.learning_rate": 0.01,
    "training.backup_steps": 3,
    "generators.batch_size": 8,
}


@dataclass
class Faults:
    """One home whose retrainings are ended at random moments.

    Attributes:
        folder: holds home, data, and everything a process may write outside of both.
        seconds: how long the last whole run took.
        files: how many new files the last whole run left, and so how many moments there are.
        kills: how many processes were ended so far, by signal.
        ledger: the splits of all images so far.
        promoted: whether a model has been promoted.
        server: URL of the API of a Prefect server; without it each run starts its own.
    """

    folder: Path
    seconds: float = 60.0
    files: int = 60
    kills: dict[str, int] = field(default_factory=dict)
    ledger: dict[tuple[str, str], str] = field(default_factory=dict)
    promoted: bool = False
    server: str | None = None

    @property
    def home(self) -> Path:
        """The home folder."""
        return self.folder / "home"

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a user whose own folder and folder for temporary files are watched."""
        own = {"HOME": "user", "TMPDIR": "tmp", "PREFECT_HOME": "prefect"}
        for name in own.values():
            (self.folder / name).mkdir(exist_ok=True)
        unset = {"PREFECT_API_URL", "PIXELGATE_HOME"}
        inherited = {name: value for name, value in os.environ.items() if name not in unset}
        paths = {name: str(self.folder / value) for name, value in own.items()}
        server = {"PREFECT_API_URL": self.server} if self.server else {}
        return unmeasured({**inherited, **paths, **server, "PYTHONPATH": str(ROOT)})

    @property
    def arguments(self) -> list[str]:
        """The arguments of the command that is ended."""
        settings = [f"--set={key}={value}" for key, value in SETTINGS.items()]
        return ["run", "--data", str(self.data), "--home", str(self.home), *settings]

    def prepare(self) -> None:
        """Write the images."""
        write_tree(self.data, {"a": 40, "b": 40}, size=(12, 12))
        (self.folder / "cwd").mkdir()

    def round(self, seed: int) -> None:
        """Start the command, end it, and check; a few times, and let it end well at last."""
        draw = random.Random(seed)
        new = draw_image(0, 1_000 + seed, size=(12, 12), mode="L")
        new.save(self.data / f"a/{1_000 + seed}.png")
        for number in range(draw.randint(1, MOST_KILLS)):
            self.kill(draw, f"seed {seed}, kill {number}")
        self.end_well(f"seed {seed}, the last run")

    def kill(self, draw: random.Random, name: str) -> None:
        """Start the command and end it, after some time or once some files have appeared."""
        sent = draw.choice(SIGNALS)
        after = draw.uniform(0, self.seconds)
        files = draw.randint(1, self.files) if draw.random() < 0.6 else None
        before = state_of(self.data)
        with self._start() as process:
            self._wait(process, files, after if files is None else 3 * self.seconds)
            with suppress(ProcessLookupError):  # it has ended by itself
                # Ctrl-C in a terminal reaches the whole group.
                (os.killpg if sent == signal.SIGINT else os.kill)(process.pid, sent)
            _, err = process.communicate(timeout=SECONDS_TO_END)
        moment = f"{name}: {sent.name} after {after:.2f} s or {files} files"
        print(f"{moment}: {process.returncode}", flush=True)  # noqa: T201 - to repeat a failure
        if process.returncode != 0:
            self.kills[sent.name] = self.kills.get(sent.name, 0) + 1
            assert process.returncode in INTERRUPTED_CODES[sent], f"{moment}\n{err}"
            if process.returncode > 0:
                assert err.strip().splitlines()[-1] == SENTENCE, f"{moment}\n{err}"
        assert state_of(self.data) == before, moment
        self.check(moment, clean=sent != signal.SIGKILL)

    def end_well(self, name: str) -> None:
        """Let the command end, and check what it leaves."""
        known, started = set(self._files()), time.monotonic()
        with self._start() as process:
            _, err = process.communicate(timeout=600)
        assert process.returncode == 0, f"{name}\n{err}"
        outcome = json.loads(self._last_summary())["outcome"]
        assert outcome in ENDS_WELL, f"{name}: {outcome}\n{err}"
        assert "damaged" not in err, f"{name}\n{err}"
        if outcome != "unchanged":
            self.seconds = time.monotonic() - started
            self.files = len(set(self._files()) - known)
        self.check(name, ended=True)

    def check(self, name: str, *, ended: bool = False, clean: bool = True) -> None:
        """Check what holds at any time; `ended`: after a run that ended by itself."""
        wait_until(
            lambda: not processes_of(self.folder), seconds=SECONDS_TO_END, what=f"{name}: orphans"
        )
        self._check_outside(name, clean=clean)
        self._check_files(name)
        self._check_store(name, ended=ended)
        self._check_splits(name)

    def _start(self) -> subprocess.Popen[str]:
        with interruptible():
            return subprocess.Popen(
                command_of(*self.arguments),
                cwd=self.folder / "cwd",
                env=self.environment,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )

    def _wait(self, process: subprocess.Popen[str], files: int | None, seconds: float) -> None:
        """Return after some seconds, at the end of the process, or when so many files are new."""
        known, deadline = set(self._files()), time.monotonic() + seconds
        while (started := time.monotonic()) < deadline and process.poll() is None:
            if files is not None and len(set(self._files()) - known) >= files:
                return
            # Watching must not slow down what is watched.
            time.sleep(max(0.02, 4 * (time.monotonic() - started)))

    def _files(self) -> Iterator[str]:
        for folder, _, names in os.walk(self.home):
            yield from (f"{folder}/{name}" for name in names)

    def _last_summary(self) -> str:
        return max(self.home.glob("runs/*/summary.json"), key=os.path.getmtime).read_text()

    def _check_outside(self, name: str, *, clean: bool) -> None:
        assert {entry.name for entry in self.folder.iterdir()} <= {
            *("home", "data", "cwd", "user", "tmp", "prefect")
        }, name
        assert not list((self.folder / "cwd").iterdir()), name
        assert {entry.name for entry in (self.folder / "user").iterdir()} <= LIBRARIES, name
        left = [entry.name for entry in (self.folder / "tmp").iterdir()]
        # A process that is killed can't remove its temporary files.
        assert not clean or not left, f"{name}: {left}"
        for entry in (self.folder / "tmp").iterdir():
            assert "pixelgate" not in entry.name, f"{name}: {entry.name}"
            subprocess.run(["rm", "-rf", str(entry)], check=True)  # noqa: S607 - of the system

    def _check_files(self, name: str) -> None:
        """Whatever has its final name is whole, and nothing was found damaged.

        Great Expectations writes its project in place; nothing reads that of a run that was killed.
        """
        for file in self.home.rglob("*"):
            assert not file.name.startswith(".damaged-"), f"{name}: {file}"
            parts = file.relative_to(self.home).parts
            if "gx" in parts or any(part.startswith(".") for part in parts):
                continue
            if file.suffix == ".json":
                json.loads(file.read_text())
            elif file.suffix == ".parquet":
                pd.read_parquet(file)

    def _check_store(self, name: str, *, ended: bool) -> None:
        database = self.home / "state/mlflow.db"
        if not database.exists():
            assert not ended, name
            return
        with closing(sqlite3.connect(database)) as store:
            assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",), name
            champions = _column(
                store, "SELECT version FROM registered_model_aliases WHERE alias = 'champion'"
            )
            versions = _column(store, "SELECT version FROM model_versions")
            judged = _column(
                store, "SELECT version FROM model_version_tags WHERE key = 'pixelgate.outcome'"
            )
            running = _column(store, "SELECT run_uuid FROM runs WHERE status = 'RUNNING'")
        assert len(champions) == 1 or not self.promoted, f"{name}: champions {champions}"
        self.promoted = bool(champions)
        assert set(champions) <= set(versions), name
        if ended:
            assert set(versions) == set(judged), f"{name}: versions without an outcome"
            assert not running, f"{name}: runs {running} have no end"

    def _check_splits(self, name: str) -> None:
        """Every image keeps its split; the ledger only grows."""
        ledger: dict[tuple[str, str], str] = {}
        for file in self.home.glob("state/inventory/*.splits.parquet"):
            rows = pd.read_parquet(file)
            ledger |= {
                (sha, path): split
                for sha, path, split in rows[["sha256", "path", "split"]].itertuples(index=False)
            }
        assert self.ledger.items() <= ledger.items(), f"{name}: the split ledger lost entries"
        self.ledger = ledger


def _column(store: sqlite3.Connection, query: str) -> list[Any]:
    return [row[0] for row in store.execute(query).fetchall()]
