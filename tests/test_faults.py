"""Real retrainings that are ended at random moments, and must end well when started again."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from tests.fault_rounds import Faults

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command_line import Command
    from tests.prefect_server import PrefectServer

SEED = int(os.environ.get("FAULT_SEED") or random.SystemRandom().randrange(10**6))
ROUNDS = int(os.environ.get("FAULT_ROUNDS") or 40)
# Of the short one: kill -9 when the first run of a home has taken its inventory.
SHORT_SEED, SHORT_FILES = 18, 40


@pytest.fixture
def faults(tmp_path: Path) -> Faults:
    """Return a data folder whose home doesn't exist yet."""
    faults = Faults(tmp_path)
    faults.prepare()
    return faults


def test_a_run_that_is_killed_ends_well_at_last(
    faults: Faults, prefect_server: PrefectServer, pixelgate: Command
) -> None:
    """One kill of a known seed; `make test-faults` has many of random ones, all in processes."""
    faults.server, faults.files = prefect_server.url, SHORT_FILES
    faults.kill(random.Random(SHORT_SEED), "the short one")
    assert sum(faults.kills.values()) == 1
    ended = pixelgate(*faults.arguments, flow=True)
    assert ended.code == 0, ended.err
    assert "promoted" in ended.err
    faults.check("the run after it", ended=True)


@pytest.mark.faults
@pytest.mark.timeout(0)
def test_many_runs_that_are_killed_end_well_at_last(faults: Faults) -> None:
    """Seeds and kills are printed: FAULT_SEED repeats them."""
    faults.end_well("the first run")
    for seed in range(SEED, SEED + ROUNDS):
        faults.round(seed)
        kills = sum(faults.kills.values())
        print(f"seed {seed} ended well; {kills} kills so far: {faults.kills}", flush=True)  # noqa: T201 - what is measured
