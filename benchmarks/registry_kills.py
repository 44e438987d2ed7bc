"""Is there always exactly one champion? Processes promote, roll back and are killed at random.

In each round several processes promote and roll back versions of one model as fast as they can,
until all of them are killed at random moments. Then it is checked that one version is champion,
that the ledger verifies and names it, and that the registry's aliases are those of the ledger. All
the while another process notes which version the registry says is in production; in the end the
ledger must have said the same for each of these moments.

    python benchmarks/registry_kills.py --rounds 200
    python benchmarks/registry_kills.py --rounds 200 --uri postgresql://...
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import ChampionChangedError, UsageError
from tasks.registry.by_hand import promote_version, roll_back
from tasks.registry.decision_ledger import Step, read_ledger
from tasks.registry.ledger_check import list_reigns, verify_ledger
from tasks.registry.mlflow_store import CHAMPION, CHECKSUM_TAG, PREVIOUS, ModelStore
from tasks.registry.production import settle
from tasks.registry.reigns import Reign, champions_in_turn
from tasks.runtime import environment
from tasks.storage.hashing import file_digest
from tasks.storage.home import Home

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

NAME, VERSIONS = "killed", 6
LONGEST_LIFE, ROLLBACKS = 0.1, 0.3
# Forked, not spawned: an interpreter with MLflow takes seconds to start.
FORK = multiprocessing.get_context("fork")


def prepare(store: ModelStore) -> None:
    """Register versions whose files are small."""
    run = store.client.create_run(store.experiment(NAME))
    store.client.create_registered_model(NAME)
    for number in range(VERSIONS):
        folder = store.home.artifacts / NAME / f"model{number}"
        folder.mkdir(parents=True)
        file = folder / "model.keras"
        file.write_text(f"model {number}")
        embedded = store.tracking_uri is None
        source = f"mlflow-artifacts:/{NAME}/model{number}" if embedded else str(folder)
        tags = {CHECKSUM_TAG: file_digest(file)}
        store.client.create_model_version(NAME, source, run_id=run.info.run_id, tags=tags)
    promote_version(store, "1", reason="the first one")


def share(store: ModelStore) -> None:
    """Open the store once for all forks, without connections, which forks can't use."""
    settle(store)
    tracking, registry = store.client._tracking_client, store.client._get_registry_client()  # noqa: SLF001 - MLflow has no other way to them
    for engine in (tracking.store.engine, registry.store.engine):
        engine.dispose()


def work(store: ModelStore, seed: int, ready: Connection) -> None:
    """Promote and roll back until killed."""
    draw = random.Random(seed)
    settle(store)
    ready.send(None)
    while True:
        try:
            if draw.random() < ROLLBACKS:
                roll_back(store, reason="drawn")
            else:
                promote_version(store, str(draw.randint(1, VERSIONS)), reason="drawn")
        except (ChampionChangedError, UsageError):
            # Another process was faster, or there is nothing to roll back to.
            continue


def watch(store: ModelStore, seen: Connection) -> None:
    """Note what is in production, and between which moments, until told to stop."""
    observed: list[tuple[str, str, str | None]] = []
    while not seen.poll():
        before = _now()
        version = store.registered_alias(CHAMPION)
        observed.append((before, _now(), version and str(version.version)))
        time.sleep(0.005)
    seen.send(observed)


def check(store: ModelStore, result: Connection) -> None:
    """Check what the killed processes left; send the number of entries that were cut short."""
    cut_short = int(read_ledger(store.ledger)[-1].step is Step.BEGUN)
    settle(store)
    verified = verify_ledger(store)
    stack = champions_in_turn(read_ledger(store.ledger))
    aliases = store.client.get_registered_model(NAME).aliases
    expected = {CHAMPION: stack[-1]} | ({PREVIOUS: stack[-2]} if len(stack) > 1 else {})
    found = {alias: str(version) for alias, version in aliases.items()}
    if verified.champion is None or found != expected:
        raise AssertionError(f"{found} in the registry, {expected} in the ledger")
    result.send(cut_short)


def compare(store: ModelStore, result: Connection, observed: list[tuple[str, str, str]]) -> None:
    """Check every observation against the ledger; send how many there were."""
    reigns = list_reigns(store)
    for before, after, version in observed:
        if version not in _possible(reigns, before, after):
            raise AssertionError(f"{version} from {before} to {after} is not in the ledger")
    result.send((len(observed), len(reigns)))


def _possible(reigns: list[Reign], before: str, after: str) -> set[str | None]:
    """Return what may have been in production at some moment between two."""
    possible: set[str | None] = set()
    for reign, next_reign in zip(reigns, [*reigns[1:], None], strict=True):
        # The registry changes after a change begins and before it is settled.
        end = None if next_reign is None else next_reign.settled
        if reign.since <= after and (end is None or end >= before):
            possible.add(reign.version)
    return possible


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _start(function: Callable[..., None], *arguments: Any) -> tuple[Any, Connection]:
    here, there = FORK.Pipe()
    child = FORK.Process(target=function, args=(*arguments[:1], there, *arguments[1:]))
    child.start()
    there.close()
    return child, here


def _answer(function: Callable[..., None], *arguments: Any) -> Any:
    """Call a function in a process of its own, and return what it sends."""
    child, pipe = _start(function, *arguments)
    try:
        answer = pipe.recv()
    except EOFError:
        raise SystemExit(f"{function.__name__} failed") from None
    child.join()
    return answer


def _one_round(store: ModelStore, processes: int, draw: random.Random) -> None:
    workers = []
    for _ in range(processes):
        here, there = FORK.Pipe()
        worker = FORK.Process(target=work, args=(store, draw.randrange(2**32), there))
        worker.start()
        there.close()
        workers.append((worker, here))
    for _, ready in workers:
        ready.recv()
    draw.shuffle(workers)
    for worker, _ in workers:
        time.sleep(draw.random() * LONGEST_LIFE)
        os.kill(worker.pid, signal.SIGKILL)
    for worker, _ in workers:
        worker.join()


def main() -> None:
    """Run all rounds and print what was seen, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--uri", help="of another store than the embedded one")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    environment.prepare()
    started, draw = time.monotonic(), random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        store = ModelStore(Home(NAME, Path(folder)), options.uri)
        first = FORK.Process(target=prepare, args=(store,))
        first.start()
        first.join()
        share(store)
        watcher, seen = _start(watch, store)
        cut_short = 0
        for _ in range(options.rounds):
            _one_round(store, options.processes, draw)
            cut_short += _answer(check, store)
        seen.send(None)
        observed = seen.recv()
        watcher.join()
        moments, reigns = _answer(compare, store, observed)
    print(
        json.dumps(
            {
                "rounds": options.rounds,
                "processes": options.processes,
                "changes of champion": reigns,
                "changes cut short": cut_short,
                "moments observed": moments,
                "seconds": round(time.monotonic() - started),
            }
        )
    )


if __name__ == "__main__":
    main()
