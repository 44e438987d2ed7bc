"""The data gate by itself: settings go in, a verdict and its evidence come out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tasks import runs
from tasks.inventory.scan import take_inventory
from tasks.reporting.page import write_report
from tasks.validation.stage import validate_inventory

if TYPE_CHECKING:
    from tasks.config import RetrainConfig
    from tasks.validation.verdict import Verdict


def judge_data(config: RetrainConfig) -> tuple[Verdict, dict[str, Any]]:
    """Take inventory and validate it; nothing is trained.

    Args:
        config: the data and gate parts.

    Returns:
        The verdict, and the summary of a run with the outcome accepted or data_rejected.

    Raises:
        DataFolderError: the folder can't be read as a labelled image set.
    """
    run = runs.open_run(config)
    started = time.monotonic()
    inventory = take_inventory(config.data, seed=config.seed, cache=config.state / "inventory")
    runs.record_inventory(run, inventory)
    runs.note_stage(run, "inventory", time.monotonic() - started)
    started = time.monotonic()
    verdict = validate_inventory(inventory, config.gate, directory=run.directory / "validation")
    runs.note_stage(run, "validate", time.monotonic() - started)
    summary = runs.summarise(
        run,
        outcome="accepted" if verdict.accepted else "data_rejected",
        message=verdict.screen,
        exit_code=0 if verdict.accepted else 3,
    )
    write_report(run, summary)
    return verdict, summary
