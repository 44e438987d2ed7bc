"""A run goes in; the findings of the data gate that stopped it come out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.outcome import Outcome

if TYPE_CHECKING:
    from tasks.runs.summary import RunSummary


def stopping_findings(run: RunSummary) -> list[dict[str, Any]]:
    """Return the findings that stop a run, in the gate's order."""
    return [
        each
        for each in run.gate
        if not each["success"] and each["severity"] == "critical" and not each["quarantined"]
    ]


def stopping_rules(run: RunSummary) -> tuple[str, ...]:
    """Return the rules for which the data was rejected, sorted; none if it was not."""
    if run.outcome is not Outcome.DATA_REJECTED:
        return ()
    return tuple(sorted({str(each["rule"]) for each in stopping_findings(run)}))
