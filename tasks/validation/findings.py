"""What Great Expectations returned goes in; the records a verdict is made of come out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from tasks.inventory.columns import PATH, SPLITS
from tasks.validation.quarantine import is_quarantined
from tasks.validation.remedies import remedy_of
from tasks.validation.verdict import Finding

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    from tasks.config.gate import GateConfig

FILES_SHOWN = 10
BOUNDS = (
    "value_set",
    "min_value",
    "max_value",
    "min_count",
    "max_ratio",
    "max_psi",
    "max_distance",
)
NEWCOMERS = "new_"


def judge(  # noqa: PLR0913 - a result and all that decides how it is read
    result: ExpectationValidationResult,
    frame: pd.DataFrame,
    settings: GateConfig,
    *,
    suite: str,
    cleared: frozenset[str],
    learned: dict[str, str],
) -> tuple[Finding, pd.DataFrame]:
    """Turn one validation result into a finding and its offending files.

    Args:
        result: with every offending row in it.
        frame: that was validated.
        settings: which rules quarantine.
        suite: name of the suite, the rule of an expectation that names none.
        cleared: paths an operator cleared; they do not count against a rule.
        learned: by rule, how its threshold came about.

    Returns:
        The finding, and a row an offending file: rule, expectation, path and value. A finding that
        succeeded has rows too where a share of files may offend.
    """
    config = cast("ExpectationConfiguration", result.expectation_config)
    rule, kwargs = str((config.meta or {}).get("rule", suite)), config.kwargs
    found: dict[str, Any] = result.result or {}
    rows = _offending_rows(rule, config.type, kwargs, found)
    pardoned = rows["path"].isin(cleared)
    success = bool(result.success) or _within(found, kwargs, pardoned.sum())
    rows = rows[~pardoned]
    named = [] if success else _named(kwargs, found)
    examples = [f"{row.path}: {row.value}" for row in rows.head(FILES_SHOWN).itertuples()] or named
    column = str(kwargs.get("column", ""))
    finding = Finding(
        rule=rule,
        expectation=config.type,
        severity=config.severity.value,
        success=success,
        description=config.description or _sentence(config),
        threshold=_threshold(kwargs) + (f" ({learned[rule]})" if rule in learned else ""),
        observed=_fault(result) or _observed(found, kwargs, len(rows)),
        value=None if column.startswith(NEWCOMERS) else _value(found, kwargs, frame),
        remedy="" if success else remedy_of(rule, of_newcomers=column.startswith(NEWCOMERS)),
        offenders=len(rows) or len(named),
        examples=tuple(examples[:FILES_SHOWN]),
        quarantined=not success and len(rows) > 0 and is_quarantined(rule, settings),
    )
    return finding, rows


def _within(found: dict[str, Any], kwargs: dict[str, Any], pardoned: int) -> bool:
    """Tell whether an expectation holds once the files an operator cleared don't count."""
    if not pardoned:
        return False
    left = found["unexpected_count"] - pardoned
    return bool(left <= found["element_count"] * (1 - kwargs.get("mostly", 1.0)) + 1e-9)


def _offending_rows(
    rule: str, expectation: str, kwargs: dict[str, Any], found: dict[str, Any]
) -> pd.DataFrame:
    listed = found.get("unexpected_index_list") or []
    return pd.DataFrame(
        {
            "rule": rule,
            "expectation": expectation,
            "path": [row[PATH] for row in listed],
            "value": [_shown(row.get(kwargs.get("column"))) for row in listed],
        }
    ).astype("str")


def _shown(value: Any) -> str:
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _named(kwargs: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Name the classes that offend, or the figures that moved, where no single file does."""
    details = found.get("details") or {}
    counts = details.get("below") or details.get("smallest", {}) | details.get("largest", {})
    named = [f"class {label}: {count} images" for label, count in counts.items()]
    named += [" = ".join(repr(label) for label in alike) for alike in details.get("alike", ())]
    named += [
        f"class {label}: {before:.1%} before, {now:.1%} now"
        for label, (before, now) in details.get("moved", {}).items()
    ]
    if "reference_median" in details:
        named.append(
            f"median {details['reference_median']:.4g} before, {details['median']:.4g} now"
        )
    if "missing_count" in found and "unexpected_count" not in found:
        _, _, split = kwargs["column"].rpartition("_")
        place = f"in {split}" if split in SPLITS else "at all"
        named += [f"class {label}: none {place}" for label in found["partial_missing_list"]]
    return named


def _threshold(kwargs: dict[str, Any]) -> str:
    bounds = {name: kwargs[name] for name in BOUNDS if kwargs.get(name) is not None}
    if kwargs.get("mostly", 1.0) < 1:
        bounds["max_share"] = round(1 - kwargs["mostly"], 6)
    return ", ".join(f"{name} {_shown(value)}" for name, value in bounds.items()) or "every file"


def _observed(found: dict[str, Any], kwargs: dict[str, Any], left: int) -> str:
    if "unexpected_count" in found:
        told = f"{left} of {found['element_count']} files"
        return (
            f"{told} ({left / max(1, found['element_count']):.2%})" if "mostly" in kwargs else told
        )
    if "missing_count" in found:
        return f"{found['missing_count']} classes missing"
    value = found.get("observed_value")
    return f"{value:.4g}" if isinstance(value, (int, float)) else "nothing to count"


def _value(found: dict[str, Any], kwargs: dict[str, Any], frame: pd.DataFrame) -> float | None:
    """Return the number that a learned threshold is compared with."""
    if "unexpected_count" in found and "min_value" in kwargs and kwargs.get("max_value") is None:
        lowest = frame[kwargs["column"]].min()
        return None if pd.isna(lowest) else float(lowest)
    if "unexpected_count" in found:
        return float(found["unexpected_count"] / max(1, found["element_count"]))
    value = found.get("observed_value")
    return float(value) if isinstance(value, (int, float)) else None


def _fault(result: ExpectationValidationResult) -> str:
    """Return why an expectation could not be judged at all, such as a column that isn't there."""
    told = result.exception_info or {}
    for part in (told, *told.values()):
        if isinstance(part, dict) and part.get("raised_exception"):
            return f"could not be judged: {part.get('exception_message')}"
    return ""


def _sentence(config: ExpectationConfiguration) -> str:
    """Say in words what an expectation of the user's wants, if it doesn't say so itself."""
    words = config.type.removeprefix("expect_").replace("_", " ")
    kwargs = {name: value for name, value in config.kwargs.items() if name != "batch_id"}
    told = ", ".join(f"{name} = {value}" for name, value in kwargs.items())
    return f"Expects {words} ({told})."
