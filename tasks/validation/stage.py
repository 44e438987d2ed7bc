"""The validate stage: runs the checkpoint and turns what it returns into the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from expectations.checkpoints import DATA_DOCS, run_checkpoint
from tasks.files import write_json, write_parquet
from tasks.inventory.columns import PATH, SPLITS
from tasks.validation.columns import with_derived_columns
from tasks.validation.quarantine import check_caps, choose_quarantine, is_quarantined
from tasks.validation.rules import REMEDIES, suites_for
from tasks.validation.verdict import Finding, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    from tasks.config import GateConfig

FILES_SHOWN = 10


def validate_inventory(
    inventory: pd.DataFrame, settings: GateConfig, *, directory: Path
) -> Verdict:
    """Judge an inventory by the rules of the data gate.

    Args:
        inventory: as `take_inventory` returns it; not changed.
        settings: severity and threshold of each rule.
        directory: the GX project, verdict.json and offenders.parquet are written there.

    Returns:
        The verdict, accepted or not; nothing is raised for bad data.
    """
    frame = with_derived_columns(inventory)
    results = run_checkpoint(
        frame, suites_for(frame, settings), project=directory, identify_by=PATH
    )
    judged = [_judge(result, settings) for suite in results for result in suite.results]
    findings = tuple(finding for finding, _ in judged)
    offenders = pd.concat([rows for _, rows in judged])
    left_out = choose_quarantine(offenders, settings)
    cap = check_caps(inventory, left_out, settings)
    findings += cap
    verdict = Verdict(
        accepted=not any(finding.stops for finding in findings),
        findings=findings,
        data_docs=directory / DATA_DOCS,
        offenders=write_parquet(directory / "offenders.parquet", offenders),
        quarantine=write_parquet(directory / "quarantine.parquet", left_out),
        quarantined=len(left_out),
    )
    write_json(directory / "verdict.json", verdict.model_dump(mode="json"))
    return verdict


def _judge(
    result: ExpectationValidationResult, settings: GateConfig
) -> tuple[Finding, pd.DataFrame]:
    """Turn what GX returns into the record every reader of a verdict is shown."""
    config = cast("ExpectationConfiguration", result.expectation_config)
    rule, kwargs, found = (config.meta or {})["rule"], config.kwargs, result.result
    rows = _offending_rows(rule, config.type, kwargs, {} if result.success else found)
    named = _offending_classes(kwargs, found)
    examples = [f"{row.path}: {row.value}" for row in rows.head(FILES_SHOWN).itertuples()] or named
    return (
        Finding(
            rule=rule,
            expectation=config.type,
            severity=config.severity.value,
            success=bool(result.success),
            description=config.description or "",
            threshold=_threshold(kwargs),
            observed=_observed(found),
            remedy="" if result.success else REMEDIES[rule],
            offenders=0 if result.success else len(rows) or len(named),
            examples=() if result.success else tuple(examples[:FILES_SHOWN]),
            quarantined=not result.success and len(rows) > 0 and is_quarantined(rule, settings),
        ),
        rows,
    )


def _offending_rows(
    rule: str, expectation: str, kwargs: dict[str, Any], found: dict[str, Any]
) -> pd.DataFrame:
    listed = found.get("unexpected_index_list") or []
    return pd.DataFrame(
        {
            "rule": rule,
            "expectation": expectation,
            "path": [row[PATH] for row in listed],
            "value": [_shown(row.get(kwargs["column"])) for row in listed],
        }
    ).astype("str")


def _shown(value: Any) -> str:
    if value is None or pd.isna(value):
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _offending_classes(kwargs: dict[str, Any], found: dict[str, Any]) -> list[str]:
    details = found.get("details") or {}
    if "below" in details:
        return [f"class {label}: {count} pictures" for label, count in details["below"].items()]
    if "largest" in details:
        extremes = details["smallest"] | details["largest"]
        return [f"class {label}: {count} pictures" for label, count in extremes.items()]
    if "alike" in details:
        return [" = ".join(repr(label) for label in alike) for alike in details["alike"]]
    if "missing_count" in found and "unexpected_count" not in found:
        _, _, split = kwargs["column"].rpartition("_")
        place = f"in {split}" if split in SPLITS else "at all"
        return [f"class {label}: none {place}" for label in found["partial_missing_list"]]
    return []


def _threshold(kwargs: dict[str, Any]) -> str:
    names = ("value_set", "min_value", "max_value", "min_count", "max_ratio")
    bounds = {name: kwargs[name] for name in names if kwargs.get(name) is not None}
    return ", ".join(f"{name} {value}" for name, value in bounds.items()) or "every file"


def _observed(found: dict[str, Any]) -> str:
    if "unexpected_count" in found:
        return f"{found['unexpected_count']} of {found['element_count']} files fail"
    if "missing_count" in found:
        return f"{found['missing_count']} classes missing"
    value = found.get("observed_value")
    return f"{value:.4g}" if isinstance(value, (int, float)) else "nothing to count"
