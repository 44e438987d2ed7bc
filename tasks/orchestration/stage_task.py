"""A stage's function goes in; a Prefect task that records its time and outcome comes out."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE, CacheKeyFnPolicy
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from sqlalchemy.exc import SQLAlchemyError

from tasks.errors import EarlyEnd, PixelgateError
from tasks.runs.run_folder import record_progress, record_stage
from tasks.runtime.freed_memory import return_freed_memory
from tasks.storage.hashing import digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from prefect.cache_policies import CachePolicy

    from tasks.runs.run_folder import Run

P = ParamSpec("P")
R = TypeVar("R")


def stage(
    name: str,
    *,
    cache_policy: CachePolicy = NO_CACHE,
    refresh: Callable[..., bool] | None = None,
    **options: Any,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function a Prefect task that records how long it took.

    An end that Pixelgate foresees (a PixelgateError, an EarlyEnd) becomes a state with its message
    and no traceback, and is not retried; it is raised again where the task was called.

    Args:
        name: of the task, and of the stage in the summary.
        cache_policy: a result cached under it replaces the call.
        refresh: called with the arguments; true ignores the cached result.
        options: of `prefect.task`, such as retries.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
            # Returned as states, because Prefect logs a traceback of whatever is raised.
            try:
                return function(*args, **kwargs)
            except PixelgateError as error:
                return Failed(message=first_line(error), data=error)
            except EarlyEnd as end:
                return Completed(name=type(end).__name__, message=str(end), data=end)

        as_task = task(
            name=name,
            task_run_name=f"{name} {{run.config.name}}",
            cache_policy=cache_policy,
            retry_condition_fn=_is_transient,
            **options,
        )(guarded)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            run: Run = args[0]  # type: ignore[assignment]
            record_progress(run, stage=name, state="begun")
            started = time.monotonic()
            refreshed = refresh is not None and refresh(*args, **kwargs)
            chosen = as_task.with_options(refresh_cache=True) if refreshed else as_task
            state = chosen(*args, **kwargs, return_state=True)
            return_freed_memory()
            seconds = time.monotonic() - started
            record_stage(run, name, seconds)
            record_progress(run, stage=name, state="ended", seconds=round(seconds, 3))
            # Raises the error of a failed state.
            result = state.result()
            if isinstance(result, EarlyEnd):
                raise result
            return result  # type: ignore[no-any-return]

        return call

    return decorate


def cached_by_key(name: str) -> CachePolicy:
    """Return a policy that caches a stage's result under its argument `key`, for each home."""

    def key_of(_context: object, arguments: dict[str, Any]) -> str:
        run: Run = arguments["run"]
        # Prefect has one result store for all homes, and a result names files of one of them.
        return digest([name, str(run.config.home), arguments["key"]])

    return CacheKeyFnPolicy(cache_key_fn=key_of)


def _is_transient(_task: object, _task_run: object, state: State[Any]) -> bool:
    """Return whether a retry can help: after faults of network or disk, but not after a verdict."""
    fault = state.result(raise_on_failure=False)
    # SQLAlchemy's errors include an SQLite database that another process has locked for long.
    return isinstance(fault, OSError | SQLAlchemyError)


def first_line(error: Exception) -> str:
    """Return an error's message in one line, as Prefect's lists show it."""
    return str(error).splitlines()[0]


def as_final(state: State[R]) -> State[R]:
    """Return a task's state as that of its flow, which would otherwise be a count of states."""
    result: Any = state.result(raise_on_failure=False)
    return State(type=state.type, name=state.name, message=state.message, data=result)
