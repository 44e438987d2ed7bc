"""What `pixelgate up` asks of Prefect's server: which runs there are, one more, one less."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterTags,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

TAG = "pixelgate"
# Waiting for a person is being at work.
ACTIVE = (StateType.RUNNING, StateType.PENDING, StateType.PAUSED, StateType.CANCELLING)
# A run that was claimed and has not begun for so long lost its worker.
PENDING_LIMIT = timedelta(minutes=3)
MOST = 200


def active_runs(deployment: str) -> list[FlowRun]:
    """Return the flow runs of a deployment that are at work, such as `retrain/photos`."""
    with get_client(sync_client=True) as client:
        return _runs_of(client, deployment, ACTIVE)


def start_run(deployment: str, *, reason: str) -> str | None:
    """Create a flow run of a deployment that starts as soon as a worker has room.

    Returns:
        Its id; None if there is no such deployment.
    """
    with get_client(sync_client=True) as client:
        try:
            found = client.read_deployment_by_name(deployment)
        except ObjectNotFound:
            return None
        run = client.create_flow_run_from_deployment(found.id, tags=[TAG, reason[:100]])
        return str(run.id)


def mark_crashed(flow_run: str, message: str) -> bool:
    """Say that a flow run's process died, which Prefect doesn't find out by itself.

    Returns:
        Whether it was running until now.
    """
    with get_client(sync_client=True) as client:
        try:
            state = client.read_flow_run(UUID(flow_run)).state
        except (ObjectNotFound, ValueError):
            return False
        if state is None or state.is_final():
            return False
        client.set_flow_run_state(UUID(flow_run), Crashed(message=message), force=True)
        return True


def lost_runs(deployment: str) -> list[FlowRun]:
    """Return the flow runs that a worker claimed and never began."""
    now = datetime.now(UTC)
    with get_client(sync_client=True) as client:
        pending = _runs_of(client, deployment, (StateType.PENDING,))
    return [
        run
        for run in pending
        if run.state is not None and now - run.state.timestamp > PENDING_LIMIT
    ]


def remove_deployments(model: str) -> None:
    """Remove all deployments of a model that is not installed any more; its runs stay."""
    with get_client(sync_client=True) as client:
        tagged = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG, model]))
        for deployment in client.read_deployments(deployment_filter=tagged, limit=MOST):
            client.delete_deployment(deployment.id)


def skip_overdue() -> int:
    """Remove all scheduled runs that came due while nothing ran, but for the last of each kind.

    Returns:
        How many were removed.
    """
    now, removed = datetime.now(UTC), 0
    with get_client(sync_client=True) as client:
        tagged = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
        for deployment in client.read_deployments(deployment_filter=tagged, limit=MOST):
            waiting = client.read_flow_runs(
                flow_run_filter=_in_state((StateType.SCHEDULED,)),
                deployment_filter=DeploymentFilter(id={"any_": [deployment.id]}),
                limit=MOST,
            )
            overdue = [
                run for run in waiting if run.expected_start_time and run.expected_start_time < now
            ]
            overdue.sort(key=lambda run: run.expected_start_time or now)
            for run in overdue[:-1]:
                client.delete_flow_run(run.id)
                removed += 1
    return removed


def _runs_of(
    client: SyncPrefectClient, deployment: str, states: tuple[StateType, ...]
) -> list[FlowRun]:
    try:
        found = client.read_deployment_by_name(deployment)
    except ObjectNotFound:
        return []
    return client.read_flow_runs(
        flow_run_filter=_in_state(states),
        deployment_filter=DeploymentFilter(id={"any_": [found.id]}),
        limit=MOST,
    )


def _in_state(states: tuple[StateType, ...]) -> FlowRunFilter:
    return FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[*states])))
