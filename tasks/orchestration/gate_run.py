"""The data gate alone: settings go in; a verdict and its evidence come out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tasks.errors import UsageError
from tasks.inventory.run_inventory import record_inventory
from tasks.inventory.scan import inventory_of
from tasks.outcome import Outcome
from tasks.registry.champion import champion_classes
from tasks.registry.decision_ledger import read_ledger
from tasks.registry.mlflow_store import open_store
from tasks.reporting.page import write_report
from tasks.runs.run_folder import open_run, record_stage, reopen_run
from tasks.runs.run_process import record_process
from tasks.runs.summary import write_summary
from tasks.validation.data_gate import accept_run, judge_inventory, require_acceptable
from tasks.validation.overrides import add_override
from tasks.validation.quarantine import drop_quarantined
from tasks.validation.rules_import import RulesImport
from tasks.validation.verdict import require_accepted

if TYPE_CHECKING:
    import pandas as pd

    from tasks.config.schema import RetrainConfig
    from tasks.runs.run_folder import Run
    from tasks.runs.summary import RunSummary
    from tasks.validation.baseline import Baseline
    from tasks.validation.verdict import Verdict


def judge_data(
    config: RetrainConfig, *, accept_with_reason: str | None = None
) -> tuple[Verdict, RunSummary]:
    """Take inventory and validate it; nothing is trained.

    Args:
        config: the data and gate parts.
        accept_with_reason: overrules a rejection of exactly this data by exactly these rules, in
            this run and later ones.

    Returns:
        The verdict, and the summary of a run with the outcome accepted or data_rejected.

    Raises:
        DataFolderError: the folder can't be read as a labelled image set.
        UsageError: the reason is blank.
        DamagedFileError: the ledger, which says who overruled, was changed or is torn.
    """
    if accept_with_reason is not None and not accept_with_reason.strip():
        raise UsageError("--accept-with-reason needs a reason that others can understand.")
    run = open_run(config)
    record_process(run)
    started = time.monotonic()
    inventory = inventory_of(config, eager_decoder=RulesImport())
    record_inventory(run, inventory)
    record_stage(run, "inventory", time.monotonic() - started)
    started = time.monotonic()
    verdict = _judge(run, inventory)
    if accept_with_reason is not None and not verdict.accepted:
        _overrule(run, verdict, why=accept_with_reason)
        # Judged again, so that the evidence shows the verdict with its override.
        verdict = _judge(run, inventory)
    record_stage(run, "validate", time.monotonic() - started)
    summary = write_summary(
        run,
        outcome=Outcome.ACCEPTED if verdict.accepted else Outcome.DATA_REJECTED,
        message=verdict.details,
        exit_code=0 if verdict.accepted else 3,
    )
    write_report(run, summary)
    return verdict, summary


def admit_data(config: RetrainConfig) -> pd.DataFrame:
    """Judge a model's data and return the inventory of the files it may be trained on.

    Raises:
        DataRejectedError: the gate rejected it; the message says what to do.
    """
    verdict, _ = judge_data(config)
    return drop_quarantined(inventory_of(config), require_accepted(verdict))


def accept_data(config: RetrainConfig, *, reason: str) -> Baseline:
    """Make a folder's present content the baseline, because an operator says so.

    Args:
        config: the data and gate parts.
        reason: stored with the baseline.

    Raises:
        DataRejectedError: it breaks rules that do not depend on the old baseline.
    """
    verdict, summary = judge_data(config)
    require_acceptable(verdict)
    run = reopen_run(config, summary.run_id)
    return accept_run(run, accepted_by="operator", reason=reason)


def _overrule(run: Run, verdict: Verdict, *, why: str) -> None:
    """Accept the data of a run as the desk does, with the same entry in the ledger."""
    # Its import would cost every other gate a fifth of a second.
    from tasks.monitoring.actions import note_acceptance

    home = run.config.paths
    store = open_store(home, run.config.registry)
    # A ledger that can't be added to refuses what belongs there.
    read_ledger(store.ledger)
    stopping = {finding.rule for finding in verdict.failures if finding.stops}
    override = add_override(home, fingerprint=verdict.data_fingerprint, rules=stopping, why=why)
    note_acceptance(store, override, run.id)


def _judge(run: Run, inventory: pd.DataFrame) -> Verdict:
    store = open_store(run.config.paths, run.config.registry)
    return judge_inventory(run, inventory, champion_classes=champion_classes(store))
