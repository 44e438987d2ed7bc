"""The validate stage: an inventory and limits go in; the data gate's verdict comes out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd
from pydantic import BaseModel, ConfigDict

from expectations import suites
from expectations.checkpoints import DATA_DOCS, run_checkpoint
from tasks.errors import DataRejectedError
from tasks.files import write_json, write_parquet
from tasks.inventory.columns import (
    ERROR,
    HEIGHT,
    LABEL,
    MODE,
    PATH,
    SPLIT,
    SPLITS,
    WIDTH,
    readable,
)
from tasks.records import Check

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations.expectation import Expectation
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    from tasks.config import GateConfig, ModesRule, SizesRule

SIZE = "size"
READABLE_LABEL = "readable_label"
FILES_SHOWN = 10

REMEDIES = {
    "decodes": "Mend or remove these files, or set gate.decodes.severity = warning to train"
    " without them.",
    "labelled": "Move these files into the folder of their class, or set data.label_pattern.",
    "sizes": "Resize or remove these files, or list the sizes you accept in gate.sizes.allowed.",
    "modes": "Convert these files, or list the modes you accept in gate.modes.allowed.",
    "class_size": "Add pictures to these classes or remove them, or lower"
    " gate.class_size.min_files.",
    "class_balance": "Add pictures to the smallest class, or raise gate.class_balance.max_ratio.",
    "classes_in_splits": "Give every class pictures in every split, or raise data.test_fraction"
    " and data.validation_fraction.",
}


class Finding(Check):
    """What one expectation said of the data.

    Attributes:
        expectation: its name in Great Expectations.
        description: what it wants, in one sentence.
        offenders: how many files, or classes, failed it.
        examples: the first ten of them.
    """

    expectation: str
    description: str
    offenders: int = 0
    examples: tuple[str, ...] = ()

    @property
    def screenful(self) -> str:
        """The finding with its examples and its remedy, on a few lines."""
        lines = [f"{self.mark}  {self.description} Observed: {self.observed}."]
        lines += [f"        {example}" for example in self.examples]
        if self.offenders > len(self.examples):
            lines.append(f"        and {self.offenders - len(self.examples)} more")
        return "\n".join([*lines, f"      {self.remedy}"])


class Verdict(BaseModel):
    """Whether the data may be trained on, and why.

    Attributes:
        accepted: no critical expectation failed.
        findings: one an expectation.
        data_docs: page of Great Expectations' Data Docs.
        offenders: Parquet with every offending file: rule, expectation, path, value.
    """

    model_config = ConfigDict(frozen=True)

    accepted: bool
    findings: tuple[Finding, ...]
    data_docs: Path
    offenders: Path

    @property
    def failures(self) -> list[Finding]:
        """The findings that failed, critical ones first."""
        order = {"critical": 0, "warning": 1, "info": 2}
        failed = [finding for finding in self.findings if not finding.success]
        return sorted(failed, key=lambda finding: order[finding.severity])

    @property
    def line(self) -> str:
        """The verdict in one line."""
        if self.accepted:
            warned = f", {len(self.failures)} with a warning" if self.failures else ""
            return f"data accepted: {len(self.findings)} expectations checked{warned}"
        critical = [finding for finding in self.failures if finding.severity == "critical"]
        told = "; ".join(
            f"{finding.rule}: {finding.observed}"
            + (f" ({', '.join(finding.examples[:3])})" if finding.examples else "")
            for finding in critical
        )
        return f"data rejected: {told}"

    @property
    def screen(self) -> str:
        """The verdict with every failure, its first files and its remedy."""
        return "\n".join([self.line, *(finding.screenful for finding in self.failures)])


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
    frame = _with_derived_columns(inventory)
    results = run_checkpoint(
        frame, {"images": _expectations(frame, settings)}, project=directory, identify_by=PATH
    )
    judged = [_judge(result) for suite in results for result in suite.results]
    findings = tuple(finding for finding, _ in judged)
    verdict = Verdict(
        accepted=all(finding.success or finding.severity != "critical" for finding in findings),
        findings=findings,
        data_docs=directory / DATA_DOCS,
        offenders=write_parquet(
            directory / "offenders.parquet", pd.concat([rows for _, rows in judged])
        ),
    )
    write_json(directory / "verdict.json", verdict.model_dump(mode="json"))
    return verdict


def require_accepted(verdict: Verdict) -> Verdict:
    """Return an accepted verdict.

    Raises:
        DataRejectedError: with the whole screen as its message.
    """
    if not verdict.accepted:
        raise DataRejectedError(verdict.screen)
    return verdict


def _with_derived_columns(inventory: pd.DataFrame) -> pd.DataFrame:
    """Add the size as text, the label of readable rows, and that label in a column a split."""
    size = inventory[HEIGHT].astype("str") + "x" + inventory[WIDTH].astype("str")
    label = inventory[LABEL].where(inventory[ERROR].isna())
    by_split = {
        f"{LABEL}_{split}": label.where(inventory[SPLIT] == split).astype("object")
        for split in SPLITS
    }
    return inventory.assign(
        **{SIZE: size.where(inventory[HEIGHT].notna()), READABLE_LABEL: label, **by_split}
    )


def _expectations(frame: pd.DataFrame, settings: GateConfig) -> list[Expectation]:
    classes = sorted(set(readable(frame)[LABEL]))
    return [
        suites.no_errors(ERROR, severity=settings.decodes.severity),
        suites.labelled(LABEL, severity=settings.labelled.severity),
        *_size_expectations(frame, settings.sizes),
        *_mode_expectations(frame, settings.modes),
        suites.classes_large_enough(
            READABLE_LABEL,
            min_count=settings.class_size.min_files,
            severity=settings.class_size.severity,
        ),
        suites.classes_balanced(
            READABLE_LABEL,
            max_ratio=settings.class_balance.max_ratio,
            severity=settings.class_balance.severity,
        ),
        *(
            suites.classes_in_split(
                f"{LABEL}_{split}", classes, severity=settings.classes_in_splits.severity
            )
            for split in SPLITS
        ),
    ]


def _size_expectations(frame: pd.DataFrame, rule: SizesRule) -> list[Expectation]:
    wanted = []
    allowed = _allowed(frame[SIZE], rule.allowed)
    if allowed:
        wanted.append(
            suites.values_in("sizes", SIZE, allowed, severity=rule.severity, what="image size")
        )
    if rule.min_side is not None or rule.max_side is not None:
        wanted += suites.sides_between(
            (HEIGHT, WIDTH), low=rule.min_side, high=rule.max_side, severity=rule.severity
        )
    return wanted


def _mode_expectations(frame: pd.DataFrame, rule: ModesRule) -> list[Expectation]:
    allowed = _allowed(frame[MODE], rule.allowed)
    if not allowed:
        return []
    return [suites.values_in("modes", MODE, allowed, severity=rule.severity, what="mode")]


def _allowed(values: pd.Series, allowed: str | list[Any]) -> list[str]:
    """Return the values a column may have; none named means that any may stand."""
    if allowed == "uniform":
        return [str(value) for value in values.mode().head(1)]
    if isinstance(allowed, str):
        return []
    return [value if isinstance(value, str) else "x".join(map(str, value)) for value in allowed]


def _judge(result: ExpectationValidationResult) -> tuple[Finding, pd.DataFrame]:
    """Turn what GX returns into the record every reader of a verdict is shown."""
    config = cast("ExpectationConfiguration", result.expectation_config)
    rule, kwargs, found = (config.meta or {})["rule"], config.kwargs, result.result
    rows = _offending_rows(rule, config.type, kwargs, found)
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
            observed=_observed(found, rows),
            remedy="" if result.success else REMEDIES[rule],
            offenders=0 if result.success else len(rows) or len(named),
            examples=() if result.success else tuple(examples[:FILES_SHOWN]),
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
    return "none" if value is None or pd.isna(value) else str(value)


def _offending_classes(kwargs: dict[str, Any], found: dict[str, Any]) -> list[str]:
    details = found.get("details") or {}
    if "below" in details:
        return [f"class {label}: {count} pictures" for label, count in details["below"].items()]
    if "largest" in details:
        extremes = details["smallest"] | details["largest"]
        return [f"class {label}: {count} pictures" for label, count in extremes.items()]
    if "missing_count" in found and "unexpected_count" not in found:
        split = kwargs["column"].partition("_")[2]
        return [f"class {label}: none in {split}" for label in found["partial_missing_list"]]
    return []


def _threshold(kwargs: dict[str, Any]) -> str:
    names = ("value_set", "min_value", "max_value", "min_count", "max_ratio")
    bounds = {name: kwargs[name] for name in names if kwargs.get(name) is not None}
    return ", ".join(f"{name} {value}" for name, value in bounds.items()) or "every file"


def _observed(found: dict[str, Any], rows: pd.DataFrame) -> str:
    if "unexpected_count" in found:
        return f"{len(rows)} of {found['element_count']} files fail"
    if "missing_count" in found:
        return f"{found['missing_count']} classes missing"
    value = found.get("observed_value")
    return f"{value:.4g}" if isinstance(value, (int, float)) else "nothing to count"
