"""The validate stage: an inventory and limits go in; the data gate's verdict comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from expectations.gx_checkpoint import DATA_DOCS, run_checkpoint
from tasks.inventory.columns import GROUP, LABEL, PATH, SPLIT, fingerprint
from tasks.storage.atomic import write_json, write_parquet
from tasks.validation.baseline import content_of
from tasks.validation.context import Context
from tasks.validation.data_rules import suites_for
from tasks.validation.derived_columns import add_derived_columns
from tasks.validation.findings import judge
from tasks.validation.label_errors import find_label_errors
from tasks.validation.learned_thresholds import learned_thresholds
from tasks.validation.moves import ADDED, CHANGE, CHANGED, find_moves
from tasks.validation.quarantine import check_caps, choose_quarantine
from tasks.validation.user_suites import load_own_suites
from tasks.validation.verdict import Finding, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.config.gate import GateConfig


def validate_inventory(
    inventory: pd.DataFrame,
    settings: GateConfig,
    *,
    directory: Path,
    context: Context | None = None,
    data_docs: bool = True,
) -> Verdict:
    """Judge an inventory by the rules of the data gate.

    Args:
        inventory: as `take_inventory` returns it; not changed.
        settings: severity and threshold of each rule.
        directory: the GX project, verdict.json and the Parquet files of the verdict are written
            there.
        context: what was accepted, cleared and overruled before; by default nothing was.
        data_docs: build the pages of Great Expectations too.

    Returns:
        The verdict, accepted or not; nothing is raised for bad data.

    Raises:
        SettingsError: a suite of the user's can't be loaded.
    """
    context = context or Context()
    gate, learned = learned_thresholds(settings, context.baselines)
    moves = find_moves(inventory, context.baseline)
    suspects = find_label_errors(
        inventory,
        gate.label_errors,
        newcomers=moves.loc[moves[CHANGE].isin([ADDED, CHANGED]), PATH],
        cache_dir=context.cache_dir,
    )
    frame = add_derived_columns(inventory, context, moves, suspects)
    findings, offenders = _judge(frame, gate, context, learned, directory, data_docs=data_docs)
    failed = {finding.rule for finding in findings if not finding.success}
    left_out = choose_quarantine(offenders[offenders["rule"].isin(failed)], gate)
    findings += check_caps(inventory, left_out, gate)
    write_parquet(directory / "moves.parquet", moves)
    write_parquet(directory / "groups.parquet", _groups(inventory))
    if suspects is not None:
        write_parquet(directory / "label_errors.parquet", suspects)
    stopping = sorted({finding.rule for finding in findings if finding.stops})
    current = fingerprint(inventory)
    override = next(
        (each for each in context.overrides if stopping and each.covers(current, stopping)), None
    )
    verdict = Verdict(
        accepted=not stopping or override is not None,
        findings=findings,
        data_fingerprint=current,
        override=override,
        baseline=context.baseline.record["run_id"] if context.baseline else None,
        moves={str(kind): int(count) for kind, count in moves[CHANGE].value_counts().items()},
        data_docs=directory / DATA_DOCS,
        offenders=write_parquet(directory / "offenders.parquet", offenders),
        quarantine=write_parquet(directory / "quarantine.parquet", left_out),
        quarantined=len(left_out),
    )
    write_json(directory / "verdict.json", verdict.model_dump(mode="json"))
    return verdict


def _judge(  # noqa: PLR0913 - all a judgement follows from
    frame: pd.DataFrame,
    gate: GateConfig,
    context: Context,
    learned: dict[str, str],
    project: Path,
    *,
    data_docs: bool,
) -> tuple[tuple[Finding, ...], pd.DataFrame]:
    """Run every suite and return a finding an expectation, and the offending files of all."""
    suites = suites_for(frame, gate, context)
    suites |= load_own_suites(gate.suites, taken=list(suites))
    results = run_checkpoint(frame, suites, project=project, identify_by=PATH, data_docs=data_docs)
    cleared = frozenset(frame.loc[content_of(frame).isin(context.cleared), PATH])
    judged = [
        judge(result, frame, gate, suite=str(suite.suite_name), cleared=cleared, learned=learned)
        for suite in results
        for result in suite.results
    ]
    return tuple(finding for finding, _ in judged), pd.concat([rows for _, rows in judged])


def _groups(inventory: pd.DataFrame) -> pd.DataFrame:
    """Return the files that are copies or near-duplicates, group by group."""
    grouped = inventory[inventory[GROUP].notna()]
    return grouped[[GROUP, PATH, SPLIT, LABEL]].sort_values([GROUP, PATH], ignore_index=True)
