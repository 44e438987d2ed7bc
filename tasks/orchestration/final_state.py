"""A finished run goes in; the final state of its flow in Prefect comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.states import Completed, Failed

from tasks.runs.summary import read_summary

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

    from tasks.runs.run_folder import Run
    from tasks.runs.summary import RunSummary


def final_state(run: Run) -> State[RunSummary]:
    """Return the flow's final state as Prefect shows it: the outcome and one line of message."""
    summary = read_summary(run.config.paths, run.id)
    make = Failed if summary.exit_code else Completed
    name = summary.outcome.replace("_", " ").title().replace(" ", "")
    return make(name=name, message=summary.first_line, data=summary)
