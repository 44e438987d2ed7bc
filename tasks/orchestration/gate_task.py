"""The data gate alone as a Prefect task: settings go in; its tables and its verdict come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, Failed

from tasks.errors import PixelgateError
from tasks.orchestration import artifacts
from tasks.orchestration.stage_task import first_line
from tasks.runs.run_folder import INVENTORY, reopen_run

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

    from tasks.config.schema import RetrainConfig
    from tasks.runs.run_folder import Run
    from tasks.runs.summary import RunSummary
    from tasks.validation.verdict import Verdict


@task(name="gate", task_run_name="gate {config.name}", cache_policy=NO_CACHE)
def gate_data(config: RetrainConfig) -> State[RunSummary]:
    """Take inventory and judge it; the state fails with the verdict's headline if it is rejected.

    Nothing is trained, and the data doesn't become the baseline.
    """
    from tasks.orchestration.gate_run import judge_data

    try:
        verdict, summary = judge_data(config)
    except PixelgateError as error:
        return Failed(message=first_line(error), data=error)
    _show(reopen_run(config, summary.run_id), verdict)
    make = Completed if verdict.accepted else Failed
    name = "Accepted" if verdict.accepted else "DataRejected"
    return make(name=name, message=verdict.headline, data=summary)


def _show(run: Run, verdict: Verdict) -> None:
    import pandas as pd

    from tasks.inventory.columns import counts_by_split
    from tasks.validation.evidence import MOVES_FILE

    counts = counts_by_split(pd.read_parquet(run.directory / INVENTORY))
    artifacts.show_class_counts(run, counts.reset_index(), verdict.headline)
    artifacts.show_verdict(run, verdict)
    if verdict.moves:
        artifacts.show_moves(run, pd.read_parquet(run.validation / MOVES_FILE), verdict.moves)
    artifacts.show_report(run)
