"""A run from its lock and its folder to its summary, report, baseline and notification."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tasks import environment, runs
from tasks.errors import NothingNew, PixelgateError
from tasks.notification import notify

if TYPE_CHECKING:
    from types import TracebackType

    from tasks.config import RetrainConfig
    from tasks.runs import Run

# The data of a run that ended so becomes the baseline that later data is compared with.
GOOD_ENDS = ("promoted", "kept_champion", "unchanged")

log = logging.getLogger("pixelgate")


class RecordedRun:
    """A run from its lock and its folder to its summary, report and notification.

    As a context manager it gives the `Run`; foreseen ends are recorded and swallowed, faults are
    recorded and raised on.

    Raises:
        RunInProgressError: on entry, when the model is being retrained already.
    """

    def __init__(self, config: RetrainConfig) -> None:
        environment.prepare()
        # What the stages say of a run belongs to its log in Prefect, wherever it was started.
        log.setLevel(min(log.level or logging.INFO, logging.INFO))
        self._lock = runs.only_one(config)
        self._config = config

    def __enter__(self) -> Run:
        self._lock.__enter__()
        self._run = runs.open_run(self._config)
        log.info("run %s of the model %s", self._run.id, self._config.name)
        return self._run

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        try:
            _conclude(self._run, error)
        finally:
            self._lock.__exit__(None, None, None)
        return isinstance(error, PixelgateError | NothingNew)


def _conclude(run: Run, error: BaseException | None) -> None:
    """Write summary and report, and tell who is to be told."""
    outcome, message = _outcome(run, error)
    summary = runs.summarise(
        run, outcome=outcome, message=message, exit_code=_exit_code(outcome, error)
    )
    if outcome in GOOD_ENDS:
        from tasks.judging import accept_run

        accept_run(run)
    bad = outcome in ("failed", "data_rejected", "model_rejected")
    log.log(logging.ERROR if bad else logging.INFO, "%s: %s", outcome, message.splitlines()[0])
    try:
        from tasks.reporting.page import write_report

        write_report(run, summary)
    except Exception:
        # The report shows what happened; its own fault must not hide or change that.
        log.exception("the report of run %s could not be written", run.id)
    notify(summary, run.config.notify)


def _outcome(run: Run, error: BaseException | None) -> tuple[str, str]:
    if error is None:
        registration = runs.evidence(run, runs.REGISTRATION)
        return registration["outcome"], registration["message"]
    if isinstance(error, NothingNew):
        return error.outcome, str(error)
    if isinstance(error, PixelgateError):
        return error.outcome, str(error)
    return "failed", f"{type(error).__name__}: {error}"


def _exit_code(outcome: str, error: BaseException | None) -> int:
    if isinstance(error, PixelgateError):
        return error.exit_code
    return 1 if outcome == "failed" else 0
