"""A run whose model waits for a person pauses in Prefect; what the person says decides."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from prefect.exceptions import FlowPauseTimeout
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from pydantic import Field

from tasks.orchestration.embedded_server import is_ours_alone
from tasks.outcome import Outcome
from tasks.registry.by_hand import promote_version
from tasks.registry.champion import champion_version
from tasks.registry.mlflow_store import open_store
from tasks.runs.run_folder import REGISTRATION, read_evidence
from tasks.runtime.whoami import who_am_i
from tasks.storage.atomic import write_json

if TYPE_CHECKING:
    from typing import Any

    from tasks.runs.run_folder import Run

POLL_SECONDS = 5

log = logging.getLogger("pixelgate")


class Approval(RunInput):
    """The form in Prefect's pages that resumes a run."""

    promote: bool = Field(default=True, description="Off: the champion stays, and the run ends.")
    who: str = Field(description="Your name, for the ledger.", min_length=1)
    reason: str = Field(description="Why; kept in the ledger.", min_length=1)


def await_approval(run: Run) -> None:
    """Pause the flow until a person decides on the new version, where the settings say so.

    Nothing happens unless the version awaits approval and `promotion.approval_hours` is set.
    Without an answer in that time the run ends `awaiting_approval`, as it does without the setting.
    """
    hours = run.config.promotion.approval_hours
    registration = run.config.paths.shown(read_evidence(run, REGISTRATION))
    if not hours or registration["outcome"] != Outcome.AWAITING_APPROVAL:
        return
    if is_ours_alone():
        log.warning(
            "promotion.approval_hours is ignored: the Prefect server of this command has no pages"
            " to resume the run in. Use `pixelgate up`, or set PREFECT_API_URL"
        )
        return
    version = registration["version"]
    log.info("version %s awaits approval for %g h: resume this run in Prefect", version, hours)
    form = Approval.with_initial_data(description=_question(registration))
    try:
        answer = pause_flow_run(form, timeout=round(hours * 3600), poll_interval=POLL_SECONDS)
    except FlowPauseTimeout:
        log.warning("nobody decided on version %s within %g h", version, hours)
        answer = None
    decided = _carry_out(run, version, answer)
    write_json(run.directory / REGISTRATION, run.config.paths.stored(registration | decided))


def _carry_out(run: Run, version: str, answer: Approval | None) -> dict[str, Any]:
    """Do what a person said; return the fields of the registration that it changes."""
    store = open_store(run.config.paths, run.config.registry)
    if answer is not None and answer.promote:
        # Prefect's own pages know no names, so whoever resumed the run gives one.
        who = f"{answer.who} (Prefect, {who_am_i()})"
        promote_version(store, version, reason=answer.reason, who=who)
        said = f"{answer.who} approved version {version}, and it is champion now: {answer.reason}"
        return {"outcome": Outcome.PROMOTED.value, "message": said}
    if champion_version(store) == version:
        # By command, while the run waited.
        return {
            "outcome": Outcome.PROMOTED.value,
            "message": f"version {version} was promoted by hand while the run waited",
        }
    if answer is not None:
        said = f"{answer.who} left the champion in production: {answer.reason}"
        return {"outcome": Outcome.KEPT_CHAMPION.value, "message": said}
    return {}


def _question(registration: dict[str, Any]) -> str:
    checks = "\n".join(
        f"- {'passed' if check['success'] else '**failed**'} {check['rule']}: {check['observed']}"
        for check in registration["checks"]
    )
    return f"{registration['message']}\n\n{checks}"
