"""Makes image trees of any size, class count and defect, and runs the product as a user would."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tasks.runtime import environment

environment.prepare()

from tasks.config.data import DataConfig  # noqa: E402 - after the libraries are quiet
from tasks.config.schema import RetrainConfig  # noqa: E402 - after the libraries are quiet
from tasks.inventory.scan import take_inventory  # noqa: E402 - as above
from tasks.runs.result_store import ABANDONED_SECONDS  # noqa: E402 - as above
from tasks.validation.baseline import accept_baseline  # noqa: E402 - as above
from tasks.validation.context import gather_context  # noqa: E402 - as above
from tasks.validation.quarantine import record_quarantine  # noqa: E402 - as above
from tasks.validation.validate import validate_inventory  # noqa: E402 - as above
from tests.trainings import OWN_MODULE, Trainer  # noqa: E402 - as above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from tasks.validation.verdict import Verdict

ROOT = Path(__file__).parents[1]
# What libraries say to developers, and no user of the command line should see.
NOISE = ("Traceback", "oneDNN", "temporary server", "Calculating Metrics", "mlflow.store")


def leave_half_written(folder: Path, file: str) -> None:
    """Leave what two processes were writing there: one killed days ago, one at it now."""
    for name, age in ((".1234abcd.killed", 2 * ABANDONED_SECONDS), (".1234abcd.running", 0.0)):
        (folder / name).mkdir(parents=True)
        (folder / name / file).write_bytes(b"some")
        for entry in (folder / name / file, folder / name):
            os.utime(entry, times=(entry.stat().st_atime - age, entry.stat().st_mtime - age))


def state_of(folder: Path) -> dict[str, str]:
    """Return the hash of every file below a folder."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def draw_image(label: int, number: int, *, size: tuple[int, int], mode: str) -> Image.Image:
    """Draw a noisy image a small CNN can learn: a bright bar whose place tells the class."""
    height, width = size
    random = np.random.default_rng([label, number])
    pixels = random.integers(0, 60, (height, width), dtype=np.uint8)
    pixels[:, (label * 5) % width : (label * 5) % width + max(2, width // 8)] += 150
    return Image.fromarray(pixels).convert(mode)


def in_mode(pixels: np.ndarray, mode: str) -> Image.Image:
    """Return 8-bit gray pixels as an image of a mode of Pillow's."""
    if mode == "I;16":
        return Image.fromarray(pixels.astype("uint16") * 257)
    return Image.fromarray(pixels).convert(mode)


def config_for(root: Path, **parts: object) -> RetrainConfig:
    """Settings for a folder, with their home beside it."""
    return RetrainConfig.model_validate(
        {"home": root.parent / "home", "data": {"directory": root}, **parts}
    )


@pytest.fixture
def image_tree(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes <root>/<class>/<number>.png and gives the root."""

    def make(  # noqa: PLR0913 - each is one property of a tree
        classes: dict[str, int] | None = None,
        *,
        under: str = "data",
        size: tuple[int, int] = (16, 16),
        mode: str = "L",
        suffix: str = ".png",
        first: int = 0,
    ) -> Path:
        root = tmp_path / under
        for label, (name, count) in enumerate((classes or {"cat": 40, "dog": 40}).items()):
            folder = root / name
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(first, first + count):
                draw_image(label, number, size=size, mode=mode).save(
                    folder / f"{number:03d}{suffix}"
                )
        return root

    return make


@dataclass
class ChunkWriter:
    """The data gate of one home: judges folders by all that is remembered, and accepts them."""

    home: Path
    judged: int = 0

    def config(self, root: Path, **gate: Any) -> RetrainConfig:
        """Return settings for a folder, the gate's as given."""
        return RetrainConfig.model_validate(
            {"home": self.home, "data": {"directory": root}, "gate": gate}
        )

    def inventory(self, root: Path) -> pd.DataFrame:
        """Take inventory with the memory of the home."""
        settings = DataConfig(directory=root)
        return take_inventory(settings, seed=42, cache_dir=self.home / "state/inventory")

    def judge(self, root: Path, *, context: dict[str, Any] | None = None, **gate: Any) -> Verdict:
        """Judge a folder; `context` overrides what is remembered."""
        config = self.config(root, **gate)
        remembered = gather_context(config.paths, champion_classes=None)
        self.judged += 1
        verdict = validate_inventory(
            self.inventory(root),
            config.gate,
            directory=self.home / f"runs/{self.judged}/validation",
            context=dataclasses.replace(remembered, **(context or {})),
            data_docs=False,
        )
        record_quarantine(config.paths, self.inventory(root), verdict)
        return verdict

    def accept(self, root: Path, **gate: Any) -> Verdict:
        """Judge a folder and make it the baseline."""
        verdict = self.judge(root, **gate)
        accept_baseline(
            self.config(root, **gate), self.inventory(root), verdict, run_id=f"run{self.judged}"
        )
        return verdict


@pytest.fixture
def keeper(tmp_path: Path) -> ChunkWriter:
    """Return a data gate with a home of its own."""
    return ChunkWriter(tmp_path / "keeper")


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put a user's module of models and callbacks on the path."""
    (tmp_path / "users_own.py").write_text(OWN_MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "users_own"


@pytest.fixture
def trainer(image_tree: Callable[..., Path], tmp_path: Path) -> Trainer:
    """Return a trainer on three classes of 60 images."""
    return Trainer(image_tree({"a": 60, "b": 60, "c": 60}), tmp_path / "trainer")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed on stdout."""
        return json.loads(self.out)


@dataclass(frozen=True)
class PrefectServer:
    """A real Prefect server, for as long as the tests run."""

    url: str
    env: dict[str, str]

    def ask(self, path: str, **body: Any) -> Any:
        """Post a filter to the server's API and return the answer."""
        request = urllib.request.Request(  # noqa: S310 - our own server
            f"{self.url}{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own server
            return json.load(answer)


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """Start a real Prefect server with its scheduler, in a home of its own."""
    home = tmp_path_factory.mktemp("prefect")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {
        **os.environ,
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # Look for work more often than the default, which suits schedules of hours.
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5",
        "PREFECT_RUNNER_POLL_FREQUENCY": "2",
        "PREFECT_WORKER_QUERY_SECONDS": "2",
    }
    url = f"http://127.0.0.1:{port}/api"
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)],
            env=env,
            stdout=log,
            stderr=log,
        )
        try:
            wait_until(lambda: answers(f"{url}/health"), seconds=180, what="the Prefect server")
            yield PrefectServer(url=url, env={**env, "PREFECT_API_URL": url})
        finally:
            server.terminate()
            server.wait()


def answers(url: str) -> bool:
    """Tell whether something answers at a URL."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own server
            return answer.status == 200
    except OSError:
        return False


def wait_until(condition: Callable[[], Any], *, seconds: float, what: str) -> Any:
    """Wait for a condition; a generous limit, as machines differ."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.5)
    pytest.fail(f"waited {seconds:.0f} s for {what}")


@pytest.fixture
def pixelgate(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Ended]:
    """Return a function that runs the command in a process of its own, its home in tmp_path.

    Commands that run a flow talk to the tests' Prefect server, which saves starting one each time.
    """

    def call(
        *arguments: object,
        env: dict[str, str] | None = None,
        flow: bool = False,
        minutes: float = 8,
    ) -> Ended:
        server = request.getfixturevalue("prefect_server").env if flow else os.environ
        ended = subprocess.run(
            [sys.executable, "-m", "flows.cli", *map(str, arguments)],
            cwd=tmp_path,
            env={
                **server,
                "PYTHONPATH": str(ROOT),
                "PIXELGATE_HOME": str(tmp_path / "home"),
                **(env or {}),
            },
            capture_output=True,
            text=True,
            timeout=minutes * 60,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    return call
