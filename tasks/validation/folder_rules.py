"""How a folder was read goes in; findings about classes without images and other files come out.

These files are no rows of the inventory, so that no expectation could name them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.inventory.columns import ERROR, LABEL, readable
from tasks.validation.verdict import Finding, counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from tasks.config.gate import GateConfig

CLASSES_SHOWN = 10


def judge_folder(
    inventory: pd.DataFrame, gate: GateConfig, learned: Mapping[str, str]
) -> tuple[Finding, ...]:
    """Return the findings of the rules unread_classes, empty_classes and passed_over.

    Args:
        inventory: as `take_inventory` returns it; without its `attrs` there are no findings.
        gate: severity and threshold of each rule, learned ones already as numbers.
        learned: by rule, where its threshold comes from.
    """
    facts = {str(name): value for name, value in inventory.attrs.items()}
    if "in_classes" not in facts:
        return ()
    return (
        _unread_classes(inventory, facts, gate),
        _empty_classes(facts, gate),
        _passed_over(len(inventory), facts, gate, learned),
    )


def _unread_classes(inventory: pd.DataFrame, facts: Mapping[str, Any], gate: GateConfig) -> Finding:
    lines = {
        label: f"class {label}: {files}, {_reason(files, facts)}"
        for label, files in facts["unread"].items()
    }
    is_seen = inventory[LABEL].isin(readable(inventory)[LABEL].unique())
    damaged = inventory[inventory[LABEL].notna() & ~is_seen]
    for label, rows in damaged.groupby(LABEL):
        lines[str(label)] = (
            f"class {label}: {counted(len(rows), 'file')}, none of which can be read"
            f" ({rows[ERROR].iloc[0]})"
        )
    return _about_classes(
        "unread_classes",
        "Every class folder with files has an image that can be read.",
        [line for _, line in sorted(lines.items())],
        gate.unread_classes.severity,
        "Convert these files or install what they need, or leave the folder out with"
        " data.leave_out if it is no class.",
    )


def _reason(files: str, facts: Mapping[str, Any]) -> str:
    """Return why the most frequent kind of file in a class is no image."""
    suffix = files.split(", ", maxsplit=1)[0].rpartition(" ")[0]
    return str(facts["reasons"].get(suffix, "no image"))


def _empty_classes(facts: Mapping[str, Any], gate: GateConfig) -> Finding:
    return _about_classes(
        "empty_classes",
        "No class folder is empty.",
        [f"class {label}: an empty folder" for label in facts["empty"]],
        gate.empty_classes.severity,
        "Look for images that were not delivered, or remove the folder.",
    )


def _about_classes(
    rule: str, description: str, lines: list[str], severity: str, remedy: str
) -> Finding:
    return Finding(
        rule=rule,
        expectation=f"folder_to_have_no_{rule}",
        severity=severity,
        success=not lines,
        description=description,
        threshold="every class",
        observed=counted(len(lines), "class", "classes"),
        remedy=remedy if lines else "",
        offenders=len(lines),
        examples=tuple(lines[:CLASSES_SHOWN]),
    )


def _passed_over(
    images: int, facts: Mapping[str, Any], gate: GateConfig, learned: Mapping[str, str]
) -> Finding:
    counts: dict[str, int] = facts["in_classes"]
    total = images + sum(counts.values())
    shares = {suffix: count / max(1, total) for suffix, count in counts.items()}
    limit, worst = float(gate.passed_over.max_share), max(shares.values(), default=0.0)
    success = worst <= limit
    origin = f" ({learned['passed_over']})" if "passed_over" in learned else ""
    lines = [
        f"{suffix}: {counted(counts[suffix], 'file')} ({share:.1%}), {facts['reasons'][suffix]}"
        for suffix, share in shares.items()
    ]
    return Finding(
        rule="passed_over",
        expectation="share_of_passed_over_files_to_be_at_most",
        severity=gate.passed_over.severity,
        success=success,
        description=f"At most {limit:.1%} of the files in class folders are passed over as files of"
        " one extension.",
        threshold=f"max_share {limit:g}{origin}",
        observed=f"{sum(counts.values())} of {counted(total, 'file')} passed over",
        remedy=""
        if success
        else "Convert these files or install what they need, or name them in data.leave_out, or"
        " raise gate.passed_over.max_share.",
        value=worst,
        offenders=len(lines),
        examples=tuple(lines[:CLASSES_SHOWN]),
    )
