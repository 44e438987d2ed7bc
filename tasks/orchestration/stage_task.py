"""A stage's function goes in; a Prefect task that notes its time and foreseen ends comes out."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, Failed
from sqlalchemy.exc import SQLAlchemyError

from tasks.errors import EarlyEnd, PixelgateError
from tasks.runs.run_folder import record_stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from prefect.cache_policies import CachePolicy
    from prefect.client.schemas.objects import State

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
    """Make a function a Prefect task that notes how long it took.

    A result kept under `cache_policy` stands in for the call unless `refresh` says otherwise.

    An end that Pixelgate foresees (a PixelgateError, an EarlyEnd) becomes a state with its message
    and no traceback, and is not retried; it is raised again where the task was called.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
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
            started = time.monotonic()
            refreshed = refresh is not None and refresh(*args, **kwargs)
            chosen = as_task.with_options(refresh_cache=True) if refreshed else as_task
            state = chosen(*args, **kwargs, return_state=True)
            run: Run = args[0]  # type: ignore[assignment]
            record_stage(run, name, time.monotonic() - started)
            result = state.result()
            if isinstance(result, EarlyEnd):
                raise result
            return result  # type: ignore[no-any-return]

        return call

    return decorate


def _is_transient(_task: object, _task_run: object, state: State[Any]) -> bool:
    """Tell whether a fault of the network or the disk may be gone on retry; a verdict stands."""
    fault = state.result(raise_on_failure=False)
    return isinstance(fault, OSError | SQLAlchemyError)


def first_line(error: Exception) -> str:
    """Return what Prefect shows of an error in a list."""
    return str(error).splitlines()[0]
