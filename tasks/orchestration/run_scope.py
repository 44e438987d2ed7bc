"""The scope of a run: its lock and folder at the start, its summary and notification at the end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar

from tasks.errors import INTERRUPTED, EarlyEnd, PixelgateError
from tasks.orchestration.early_processes import end_waiting
from tasks.outcome import Outcome
from tasks.runs.notification import notify
from tasks.runs.run_folder import REGISTRATION, open_run, read_evidence, record_facts
from tasks.runs.run_lock import run_lock
from tasks.runs.run_process import record_process
from tasks.runs.summary import write_summary
from tasks.runtime import environment
from tasks.runtime.interruption import interruption_of

if TYPE_CHECKING:
    from types import TracebackType

    from tasks.config.schema import RetrainConfig
    from tasks.runs.run_folder import Run
    from tasks.runs.summary import RunSummary

log = logging.getLogger("pixelgate")


class RunScope:
    """A run from its lock and folder to its summary, report, baseline and notification.

    As a context manager it yields the `Run`. Ends that Pixelgate foresees are recorded and
    suppressed, since the summary holds them; other errors are recorded and raised again.

    Attributes:
        ended: the summary of the last run of this process; None while there is none.

    Raises:
        RunInProgressError: on entry, when the model is being retrained already.
    """

    ended: ClassVar[RunSummary | None] = None

    def __init__(self, config: RetrainConfig) -> None:
        environment.prepare()
        # The stages' log lines belong to the run's log in Prefect, wherever it was started.
        log.setLevel(min(log.level or logging.INFO, logging.INFO))
        self._lock = run_lock(config.paths)
        self._config = config

    def __enter__(self) -> Run:
        self._lock.__enter__()
        self._run = open_run(self._config)
        _record_origin(self._run)
        log.info("run %s of the model %s", self._run.id, self._config.name)
        return self._run

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        try:
            type(self).ended = _conclude(self._run, error)
        finally:
            end_waiting()
            self._lock.__exit__(None, None, None)
        return isinstance(error, PixelgateError | EarlyEnd) and interruption_of(error) is None


def _record_origin(run: Run) -> None:
    """Write which process works on a run, and for which flow run of Prefect."""
    from prefect.context import FlowRunContext

    context = FlowRunContext.get()
    flow_run = context.flow_run if context is not None else None
    if flow_run is None:
        record_process(run)
        return
    # So that the desk can link to the run in Prefect.
    record_facts(run, prefect_flow_run=str(flow_run.id))
    # A command's own flow run ends with the command: nobody else needs to look after it.
    record_process(run, flow_run=str(flow_run.id) if flow_run.deployment_id else None)


def _conclude(run: Run, error: BaseException | None) -> RunSummary:
    """Move the baseline, write summary and report, and send the notification, in this order.

    Each step can be repeated: the same command does what an interrupted one left undone.
    """
    outcome, message = _outcome(run, error)
    exit_code = _exit_code(outcome, error)
    if outcome.accepts_data:
        problem = _move_baseline(run)
        if problem is not None:
            outcome, exit_code = Outcome.FAILED, 1
            message = f"{message}; but its data could not become the baseline: {problem}. Run again"
    summary = write_summary(run, outcome=outcome, message=message, exit_code=exit_code)
    level = logging.ERROR if outcome.is_bad else logging.INFO
    log.log(level, "%s: %s", outcome, summary.first_line)
    try:
        from tasks.reporting.page import write_report

        write_report(run, summary)
    except Exception:
        # The report shows how the run ended; its own fault must not hide or change that.
        log.exception("the report of run %s could not be written", run.id)
    notify(summary, run.config.notify)
    return summary


def _move_baseline(run: Run) -> str | None:
    """Make the run's data what later data is compared with; return what went wrong, if anything.

    Before the summary, which must not say that all is well when this fails.
    """
    from tasks.validation.data_gate import accept_run

    try:
        accept_run(run)
    except Exception as error:
        log.exception("the baseline of run %s could not be written", run.id)
        return f"{type(error).__name__}: {error}"
    return None


def _outcome(run: Run, error: BaseException | None) -> tuple[Outcome, str]:
    if error is None:
        registration = run.config.paths.shown(read_evidence(run, REGISTRATION))
        return Outcome(registration["outcome"]), registration["message"]
    if interruption_of(error) is not None:
        return Outcome.FAILED, INTERRUPTED
    if isinstance(error, PixelgateError | EarlyEnd):
        return error.outcome, str(error)
    return Outcome.FAILED, f"{type(error).__name__}: {error}"


def _exit_code(outcome: Outcome, error: BaseException | None) -> int:
    if isinstance(error, PixelgateError):
        return error.exit_code
    return 1 if outcome is Outcome.FAILED else 0
