"""Fixtures of all tests; what they are made of is in the modules they import."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from tasks.runtime import environment

environment.prepare()

from tests.browsers import NO_BROWSER, find_browser, open_browser  # noqa: E402 - as below
from tests.command_line import (  # noqa: E402 - after the libraries are quiet
    Command,
    CommandHere,
    CommandProcess,
    ask_here,
    train_here,
)
from tests.gate_keeper import GateKeeper  # noqa: E402 - as above
from tests.houses import House, furnish  # noqa: E402 - as above
from tests.image_trees import Tree, state_of, write_tree  # noqa: E402 - as above
from tests.model_bench import Bench, prepare_bench  # noqa: E402 - as above
from tests.prefect_server import PrefectServer, shared_server  # noqa: E402 - as above
from tests.trainings import OWN_MODULE, Trainer, TrainingData  # noqa: E402 - as above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from playwright.sync_api import Browser


@pytest.fixture(scope="session", autouse=True)
def prefect_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep Prefect's files in one folder of all test processes, never in the user's own."""
    assert "prefect" not in sys.modules, "Prefect has read its settings already"
    base = tmp_path_factory.getbasetemp()
    # Each of pytest-xdist's workers has a folder inside the one of the whole session.
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "prefect"
    folder.mkdir(exist_ok=True)
    os.environ["PREFECT_HOME"] = str(folder)
    return folder


@pytest.fixture(scope="session")
def prefect_server(prefect_home: Path) -> Iterator[PrefectServer]:
    """Use a real Prefect server with its scheduler, the same one in all test processes."""
    with shared_server(prefect_home) as server:
        yield server


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """Leave our logger as it was: commands and flows set its level and handlers."""
    log = logging.getLogger("pixelgate")
    level, handlers, propagate = log.level, log.handlers[:], log.propagate
    yield
    log.setLevel(level)
    log.handlers[:], log.propagate = handlers, propagate


@pytest.fixture(autouse=True)
def own_limit_of_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave Pillow's limit as it was: what reads images sets it to `data.max_pixels`."""
    from PIL import Image

    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)


@pytest.fixture
def image_tree(tmp_path: Path) -> Tree:
    """Return a function that writes a tree of images into the test's folder."""

    def make(  # noqa: PLR0913 - each is one property of a tree
        classes: Mapping[str, int] | None = None,
        *,
        under: str = "data",
        size: tuple[int, int] = (16, 16),
        mode: str = "L",
        suffix: str = ".png",
        first: int = 0,
    ) -> Path:
        classes = classes or {"cat": 40, "dog": 40}
        return write_tree(
            tmp_path / under, classes, size=size, mode=mode, suffix=suffix, first=first
        )

    return make


@pytest.fixture
def keeper(tmp_path: Path) -> GateKeeper:
    """Return a data gate with a home of its own."""
    return GateKeeper(tmp_path / "keeper")


@pytest.fixture
def plant_only(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that makes a drill plant the faults of a few rules only."""

    def choose(*rules: str) -> None:
        from tasks.drill import plan

        monkeypatch.setattr(
            "tasks.drill.rehearsal.plan_faults",
            lambda gate: [fault for fault in plan.plan_faults(gate) if fault.rule in rules],
        )

    return choose


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put a user's module of models and callbacks on the path."""
    (tmp_path / "users_own.py").write_text(OWN_MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "users_own", raising=False)
    return "users_own"


@pytest.fixture(scope="session")
def three_classes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainingData]:
    """Write three classes of 60 images, which no test may change."""
    folder = tmp_path_factory.mktemp("three_classes")
    data = TrainingData(write_tree(folder / "data", {"a": 60, "b": 60, "c": 60}), folder)
    before = state_of(data.root)
    yield data
    assert state_of(data.root) == before


@pytest.fixture
def trainer(three_classes: TrainingData, tmp_path: Path) -> Trainer:
    """Return a trainer on three classes of 60 images."""
    return Trainer(three_classes, tmp_path / "trainer")


@pytest.fixture(scope="session")
def prepared_bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Prepare a model and its evaluation once; tests only read them."""
    return prepare_bench(tmp_path_factory.mktemp("bench"))


@pytest.fixture
def fresh_bench(prepared_bench: Bench, tmp_path: Path) -> Bench:
    """Return the prepared model with a home that doesn't exist yet."""
    return prepared_bench.at_home(tmp_path / "home")


@pytest.fixture
def bench(prepared_bench: Bench, fresh_bench: Bench) -> Bench:
    """Return the prepared model with a home of its own, whose store is empty."""
    fresh_bench.config.paths.state.mkdir(parents=True)
    shutil.copy(prepared_bench.config.paths.database, fresh_bench.config.paths.database)
    return fresh_bench


@pytest.fixture(scope="session")
def registered(prepared_bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Register four versions once, all of the same file; the first one is champion."""
    bench = prepared_bench.at_home(tmp_path_factory.mktemp("registered") / "home")
    bench.config.paths.state.mkdir(parents=True)
    shutil.copy(prepared_bench.config.paths.database, bench.config.paths.database)
    bench.retrain(0.9, run="run1")
    client = bench.store.client
    first = client.get_model_version("bench", "1")
    for number in (2, 3, 4):
        tags = {**first.tags, "pixelgate.run_id": f"run{number}"}
        client.create_model_version("bench", str(first.source), run_id=first.run_id, tags=tags)
    return bench


@pytest.fixture
def versions(registered: Bench, tmp_path: Path) -> Bench:
    """Return a copy of four registered versions, of which the first is champion."""
    shutil.copytree(registered.config.home, tmp_path / "home")
    return registered.at_home(tmp_path / "home")


@pytest.fixture(scope="session")
def furnished(prepared_bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> House:
    """Furnish a home for housekeeping once; tests copy it."""
    bench = prepared_bench.at_home(tmp_path_factory.mktemp("house") / "home")
    return furnish(bench, prepared_bench.config.paths.database)


@pytest.fixture
def house(furnished: House, tmp_path: Path) -> House:
    """Return a copy of the furnished home."""
    shutil.copytree(furnished.bench.config.home, tmp_path / "home")
    return furnished.at_home(tmp_path / "home")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a real browser; its pages are `browser.new_page()`."""
    executable = find_browser()
    if executable is None:
        pytest.skip(NO_BROWSER)
    with open_browser(executable) as opened:
        yield opened


@pytest.fixture
def training_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train in this process where a child process is not what is tested."""
    # The search first: imported later, it would take the replacement for the function itself.
    monkeypatch.setattr("tasks.tuning.search.train_in_subprocess", train_here)
    monkeypatch.setattr("tasks.training.worker.train_in_subprocess", train_here)
    monkeypatch.setattr("tasks.training.worker.spare.start", lambda: None)


@pytest.fixture
def pixelgate(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    training_here: None,
) -> Command:
    """Return a function that calls the command line in this process.

    Its trainings and its check of the saved file start no interpreters either; `pixelgate_process`
    does all of that.
    """
    del training_here
    here = contextlib.nullcontext(ask_here)
    monkeypatch.setattr("tasks.model_gate.saved_model.fresh_interpreter", lambda: here)
    monkeypatch.setattr("tasks.model_gate.saved_model.spare.start", lambda: None)
    return CommandHere(tmp_path, lambda: request.getfixturevalue("prefect_server"), monkeypatch)


@pytest.fixture
def pixelgate_process(tmp_path: Path, request: pytest.FixtureRequest) -> CommandProcess:
    """Return a function that calls the command line in a process of its own.

    Commands that run a flow use the tests' Prefect server, which saves starting one each time.
    """
    return CommandProcess(tmp_path, lambda: request.getfixturevalue("prefect_server"))
