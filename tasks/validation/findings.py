"""A validation result of Great Expectations goes in; a finding and its offending files come out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from tasks.inventory.columns import FORMAT_MATCHES_EXTENSION, PATH, TEST, TRAIN
from tasks.validation.derived_columns import NEW_PREFIX
from tasks.validation.finding_examples import (
    FILES_SHOWN,
    counts_missing_classes,
    file_examples,
    format_value,
    note_of,
    offending_rows,
    other_offenders,
    split_of,
    with_formats,
)
from tasks.validation.quarantine import is_quarantined
from tasks.validation.remedies import remedy_of
from tasks.validation.sibling_columns import GROUP_PATTERN
from tasks.validation.split_origin import Origin, origin_of
from tasks.validation.verdict import Finding, counted

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    from tasks.config.gate import GateConfig

BOUNDS = (
    "value_set",
    "min_value",
    "max_value",
    "min_count",
    "max_ratio",
    "max_psi",
    "max_noise",
    "max_distance",
)


def read_validation(  # noqa: PLR0913 - a validation and everything that decides how it is read
    validation: ExpectationValidationResult,
    frame: pd.DataFrame,
    settings: GateConfig,
    *,
    suite: str,
    cleared: frozenset[str],
    learned: dict[str, str],
) -> tuple[Finding, pd.DataFrame]:
    """Turn one validation result into a finding and its offending files.

    Args:
        validation: with every offending row in it.
        frame: that was validated.
        settings: which rules quarantine.
        suite: name of the suite, which is the rule of an expectation that names none.
        cleared: paths that an operator cleared; they don't count against a rule.
        learned: by rule, where its threshold comes from.

    Returns:
        The finding, and one row per offending file with the columns `OFFENDER_COLUMNS`. A finding
        that succeeded has rows too if the rule allows a share of files to offend.
    """
    config = cast("ExpectationConfiguration", validation.expectation_config)
    rule, kwargs = str((config.meta or {}).get("rule", suite)), config.kwargs
    result: dict[str, Any] = validation.result or {}
    rows = offending_rows(rule, config.type, kwargs, result)
    is_cleared = rows[PATH].isin(cleared)
    success = bool(validation.success) or _succeeds_without(is_cleared.sum(), result, kwargs)
    rows = rows[~is_cleared]
    if rule == FORMAT_MATCHES_EXTENSION and len(rows):
        rows = with_formats(rows, frame)
    examples, grouped = file_examples(rule, rows)
    # Some rules name classes or numbers where they can't name files.
    others = [] if success else other_offenders(result, kwargs)
    new_only = str(kwargs.get("column", "")).startswith(NEW_PREFIX)
    finding = Finding(
        rule=rule,
        expectation=config.type,
        severity=config.severity.value,
        success=success,
        description=config.description or _describe(config),
        threshold=_threshold(kwargs) + (f" ({learned[rule]})" if rule in learned else ""),
        observed=_failure_to_judge(validation) or _observed(config, result, len(rows)),
        # Thresholds are learned for all images, not for new ones; and class sizes for all splits.
        value=None
        if new_only or (rule == "class_size" and split_of(kwargs))
        else _measured_value(result, kwargs, frame),
        remedy="" if success else _remedy(rule, kwargs, frame),
        offenders=len(rows) or len(others),
        examples=tuple(examples or others[:FILES_SHOWN]),
        quarantined=not success and len(rows) > 0 and is_quarantined(rule, settings),
        grouped=grouped,
        note=note_of(rule, result, kwargs) if success else "",
    )
    return finding, rows


def _succeeds_without(cleared: int, result: dict[str, Any], kwargs: dict[str, Any]) -> bool:
    """Return whether a failed expectation succeeds when cleared files don't count."""
    if not cleared:
        return False
    remaining = result["unexpected_count"] - cleared
    allowed_share = 1 - kwargs.get("mostly", 1.0)
    # 1 - 0.98 is a little less than 0.02.
    return bool(remaining <= result["element_count"] * allowed_share + 1e-9)


def _remedy(rule: str, kwargs: dict[str, Any], frame: pd.DataFrame) -> str:
    split = split_of(kwargs)
    if rule == "classes_in_splits" and origin_of(frame, split or TEST) == Origin.DRAWN:
        # What a given train lacks, no draw from it can have.
        split = split if origin_of(frame, TRAIN) == Origin.DRAWN else TRAIN
    return remedy_of(
        rule,
        new_images_only=str(kwargs.get("column", "")).startswith(NEW_PREFIX),
        # Without a split of its own, a rule is about what the model is tested on.
        origin=origin_of(frame, split or TEST),
        split=split,
        group_pattern=str(frame.attrs.get(GROUP_PATTERN, "")),
    )


def _threshold(kwargs: dict[str, Any]) -> str:
    bounds = {name: kwargs[name] for name in BOUNDS if kwargs.get(name) is not None}
    if kwargs.get("mostly", 1.0) < 1:
        bounds["max_share"] = round(1 - kwargs["mostly"], 6)
    return (
        ", ".join(f"{name} {format_value(value)}" for name, value in bounds.items()) or "every file"
    )


def _observed(config: ExpectationConfiguration, result: dict[str, Any], offending: int) -> str:
    phrase = (config.meta or {}).get("observed")
    if "unexpected_count" in result:
        total = counted(result["element_count"], "file")
        if phrase is not None:
            return str(phrase).format(offending=offending, total=total)
        share = f" ({offending / max(1, result['element_count']):.2%})"
        return f"{offending} of {total}{share if 'mostly' in config.kwargs else ''}"
    if counts_missing_classes(result):
        return f"{counted(result['missing_count'], 'class', 'classes')} missing"
    value = result.get("observed_value")
    return f"{value:.4g}" if isinstance(value, (int, float)) else "nothing to count"


def _measured_value(
    result: dict[str, Any], kwargs: dict[str, Any], frame: pd.DataFrame
) -> float | None:
    """Return the number that a learned threshold is compared with."""
    if "unexpected_count" in result:
        # A lower bound is learned from the lowest value, anything else from the share that offends.
        if "min_value" in kwargs and kwargs.get("max_value") is None:
            lowest = frame[kwargs["column"]].min()
            return None if pd.isna(lowest) else float(lowest)
        return float(result["unexpected_count"] / max(1, result["element_count"]))
    value = result.get("observed_value")
    return float(value) if isinstance(value, (int, float)) else None


def _failure_to_judge(validation: ExpectationValidationResult) -> str:
    """Return why an expectation could not be judged at all, such as a missing column."""
    information = validation.exception_info or {}
    # Great Expectations nests the exception under the metric that raised it, but not always.
    for part in (information, *information.values()):
        if isinstance(part, dict) and part.get("raised_exception"):
            return f"could not be judged: {part.get('exception_message')}"
    return ""


def _describe(config: ExpectationConfiguration) -> str:
    """Return a sentence for a user's expectation that has no description."""
    name = config.type.removeprefix("expect_").replace("_", " ")
    kwargs = {name: value for name, value in config.kwargs.items() if name != "batch_id"}
    arguments = ", ".join(f"{name} = {value}" for name, value in kwargs.items())
    return f"Expects {name} ({arguments})."
