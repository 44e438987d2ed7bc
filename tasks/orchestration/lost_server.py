"""A retraining that has ended counts, also when Prefect's server is gone and can't be told."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, cast

import httpx
from prefect.exceptions import PrefectException

from tasks.orchestration.run_scope import RunScope

if TYPE_CHECKING:
    from prefect import Flow, State

    from tasks.config.schema import RetrainConfig
    from tasks.runs.summary import RunSummary

log = logging.getLogger("pixelgate")


def summary_of(flow: Flow[[RetrainConfig], State], config: RetrainConfig) -> RunSummary:
    """Run the retraining flow in this process.

    Prefect tries for about a minute to reach a server that is gone, and gives up with an exception
    after the flow's last line; the run's summary and report are written by then.

    Returns:
        The summary of the run.

    Raises:
        Exception: whatever ended the flow before there was a summary.
    """
    before = RunScope.ended
    try:
        state = flow(config, return_state=True)
    except (httpx.HTTPError, PrefectException) as error:
        ended = RunScope.ended
        if ended is None or ended is before:
            raise
        reason = str(error) or type(error).__name__
        log.warning("Prefect was not told how the run ended (%s)", reason.splitlines()[0])
        return ended
    summary = state.result(raise_on_failure=False)
    if isinstance(summary, BaseException):
        raise summary
    return cast("RunSummary", summary)
