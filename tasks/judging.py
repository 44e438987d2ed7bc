"""The data gate by itself: settings go in, a verdict and its evidence come out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks import runs
from tasks.errors import DataRejectedError, UsageError
from tasks.inventory.scan import inventory_of
from tasks.reporting.page import write_report
from tasks.validation.baseline import Baseline, accept_baseline
from tasks.validation.context import gather_context
from tasks.validation.overrides import add_override
from tasks.validation.quarantine import note_quarantine, without_quarantined
from tasks.validation.stage import validate_inventory
from tasks.validation.verdict import Verdict, require_accepted

if TYPE_CHECKING:
    from tasks.config import RetrainConfig
    from tasks.runs import Run

# These compare with the last accepted data, which an operator may replace in spite of them.
RELATIVE_RULES = ("relabelled", "volume", "staleness", "class_shares", "known_classes", "drift_")


def judge_data(
    config: RetrainConfig, *, accept_with_reason: str | None = None
) -> tuple[Verdict, dict[str, Any]]:
    """Take inventory and validate it; nothing is trained.

    Args:
        config: the data and gate parts.
        accept_with_reason: overrules a rejection of just this data by just these rules, for this
            and later runs.

    Returns:
        The verdict, and the summary of a run with the outcome accepted or data_rejected.

    Raises:
        DataFolderError: the folder can't be read as a labelled image set.
        UsageError: the reason is blank.
    """
    if accept_with_reason is not None and not accept_with_reason.strip():
        raise UsageError("--accept-with-reason wants a reason that others can understand.")
    run = runs.open_run(config)
    started = time.monotonic()
    inventory = inventory_of(config)
    runs.record_inventory(run, inventory)
    runs.note_stage(run, "inventory", time.monotonic() - started)
    started = time.monotonic()
    verdict = judge_inventory(run, inventory)
    if accept_with_reason is not None and not verdict.accepted:
        stopping = {finding.rule for finding in verdict.failures if finding.stops}
        add_override(
            config, fingerprint=verdict.data_fingerprint, rules=stopping, why=accept_with_reason
        )
        verdict = judge_inventory(run, inventory)
    runs.note_stage(run, "validate", time.monotonic() - started)
    summary = runs.summarise(
        run,
        outcome="accepted" if verdict.accepted else "data_rejected",
        message=verdict.screen,
        exit_code=0 if verdict.accepted else 3,
    )
    write_report(run, summary)
    return verdict, summary


def admit_data(config: RetrainConfig) -> pd.DataFrame:
    """Judge a model's data and return the inventory of what may be trained on.

    Raises:
        DataRejectedError: the verdict, with what to do.
    """
    verdict, _ = judge_data(config)
    return without_quarantined(inventory_of(config), require_accepted(verdict))


def judge_inventory(run: Run, inventory: pd.DataFrame) -> Verdict:
    """Judge a run's inventory by all that is remembered of its data; leave the evidence."""
    from tasks.registry.store import champion_classes

    context = gather_context(run.config, champion_classes=champion_classes(run.config))
    verdict = validate_inventory(
        inventory, run.config.gate, directory=run.directory / "validation", context=context
    )
    note_quarantine(run.config, inventory, verdict)
    return verdict


def accept_run(run: Run) -> Baseline:
    """Make the data of a run that ended well the baseline of later ones."""
    inventory = pd.read_parquet(run.directory / runs.INVENTORY)
    verdict = Verdict.model_validate(runs.evidence(run, runs.VERDICT))
    return accept_baseline(run.config, inventory, verdict, run_id=run.id)


def accept_data(config: RetrainConfig, *, reason: str) -> Baseline:
    """Make a folder as it is the baseline, on an operator's word.

    Args:
        config: the data and gate parts.
        reason: kept with the baseline.

    Raises:
        DataRejectedError: it breaks rules that have nothing to do with the old baseline.
    """
    verdict, summary = judge_data(config)
    broken = [
        finding
        for finding in verdict.failures
        if finding.stops and not finding.rule.startswith(RELATIVE_RULES)
    ]
    if broken and verdict.override is None:
        raise DataRejectedError(
            "This data can't become the baseline before it is mended, or accepted with a reason by"
            " `pixelgate gate DIR --accept-with-reason`.\n"
            + "\n".join(finding.screenful for finding in broken)
        )
    run = runs.reopen_run(config, summary["run_id"])
    inventory = pd.read_parquet(run.directory / runs.INVENTORY)
    return accept_baseline(
        config, inventory, verdict, run_id=run.id, accepted_by="operator", reason=reason
    )
