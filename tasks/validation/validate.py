"""The validate stage: an inventory and the gate's settings go in; a verdict comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.inventory.columns import GROUP, LABEL, PATH, SPLIT, fingerprint
from tasks.runtime.collector import collector_paused
from tasks.storage.atomic import write_parquet
from tasks.validation.context import Context
from tasks.validation.derived_columns import add_derived_columns
from tasks.validation.embedding_columns import add_embedding_columns
from tasks.validation.evidence import (
    DATA_DOCS,
    GROUPS_FILE,
    LABEL_ERRORS_FILE,
    MOVES_FILE,
    OFFENDERS_FILE,
    OUTLIERS_FILE,
    QUARANTINE_FILE,
    RULE,
)
from tasks.validation.folder_rules import judge_folder
from tasks.validation.label_errors import start_judging_labels
from tasks.validation.learned_thresholds import learned_thresholds
from tasks.validation.moves import ADDED, CHANGE, CHANGED, find_moves
from tasks.validation.outliers import find_outliers
from tasks.validation.quarantine import check_caps, choose_quarantine
from tasks.validation.verdict import Finding, Verdict, write_verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from tasks.config.gate import GateConfig
    from tasks.validation.overrides import Override


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
        directory: for the GX project, verdict.json and the Parquet files of the verdict.
        context: what was accepted, cleared and overruled before; by default nothing was.
        data_docs: whether to keep the project of Great Expectations with its pages too.

    Returns:
        The verdict, accepted or not: bad data raises nothing.

    Raises:
        SettingsError: a suite of the user's can't be loaded.
    """
    context = context or Context()
    gate, learned = learned_thresholds(settings, context.baselines)
    moves = find_moves(inventory, context.baseline)
    labels_judged = start_judging_labels(
        inventory,
        gate.label_errors,
        new_paths=moves.loc[moves[CHANGE].isin([ADDED, CHANGED]), PATH],
        cache_dir=context.cache_dir,
        embeddings=context.embeddings,
    )
    # Labels are judged while Great Expectations is imported, unless it was while files were read.
    with collector_paused():
        from tasks.validation.expectation_findings import judge_frame

    strange = find_outliers(inventory, context.embeddings, far=gate.outliers.far)
    suspects = labels_judged()
    frame = add_derived_columns(inventory, context, moves, suspects, gate)
    frame = add_embedding_columns(frame, inventory, context, strange)
    findings, offenders = judge_frame(frame, gate, context, learned, directory, data_docs=data_docs)
    left_out = choose_quarantine(_of_failed_rules(offenders, findings), gate)
    findings += (*check_caps(inventory, left_out, gate), *judge_folder(inventory, gate, learned))
    _write_comparison(directory, inventory, moves)
    _write_ranked(directory, {LABEL_ERRORS_FILE: suspects, OUTLIERS_FILE: strange})
    data_fingerprint = fingerprint(inventory)
    override = _find_override(context.overrides, data_fingerprint, findings)
    verdict = Verdict(
        accepted=override is not None or not any(finding.stops for finding in findings),
        findings=findings,
        data_fingerprint=data_fingerprint,
        override=override,
        baseline=context.baseline.record["run_id"] if context.baseline else None,
        moves={str(kind): int(count) for kind, count in moves[CHANGE].value_counts().items()},
        data_docs=directory / DATA_DOCS,
        offenders=write_parquet(directory / OFFENDERS_FILE, offenders),
        quarantine=write_parquet(directory / QUARANTINE_FILE, left_out),
        quarantined=len(left_out),
    )
    # Last: a folder with a verdict holds all its evidence.
    write_verdict(directory, verdict)
    return verdict


def _of_failed_rules(offenders: pd.DataFrame, findings: Sequence[Finding]) -> pd.DataFrame:
    # Files within the share that a rule allows stay in the run.
    failed = {finding.rule for finding in findings if not finding.success}
    return offenders[offenders[RULE].isin(failed)]


def _find_override(
    overrides: Sequence[Override], data_fingerprint: str, findings: Sequence[Finding]
) -> Override | None:
    """Return the newest override that accepts this data; None if it needs none."""
    stopping = {finding.rule for finding in findings if finding.stops}
    covering = (each for each in overrides if each.covers(data_fingerprint, stopping))
    return next(covering, None) if stopping else None


def _write_comparison(directory: Path, inventory: pd.DataFrame, moves: pd.DataFrame) -> None:
    """Write what changed since the last accepted run, and groups of similar files."""
    write_parquet(directory / MOVES_FILE, moves)
    grouped = inventory.loc[inventory[GROUP].notna(), [GROUP, PATH, SPLIT, LABEL]]
    groups = grouped.sort_values([GROUP, PATH], ignore_index=True)
    write_parquet(directory / GROUPS_FILE, groups)


def _write_ranked(directory: Path, suspects: dict[str, pd.DataFrame | None]) -> None:
    """Write the suspects of each kind that was looked for, the worst first."""
    for name, ranked in suspects.items():
        if ranked is not None:
            write_parquet(directory / name, ranked)
