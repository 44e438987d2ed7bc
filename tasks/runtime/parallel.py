"""Chunks of files go in; what a function makes of each comes out, from processes where it pays."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

File = TypeVar("File")
Result = TypeVar("Result")
CHUNK, CHUNK_BYTES = 1_024, 8 * 2**20
# Below this many files or chunks a pool of processes costs more than it saves.
FILES_WORTH_A_POOL, CHUNKS_WORTH_A_POOL = 4_000, 8
# Arrays of some hundred kilobytes come and go in a worker; by default glibc takes each from the
# kernel, page by page, which costs an eighth of the time.
WORKER_ENVIRONMENT = {
    "MALLOC_MMAP_THRESHOLD_": str(2**26),
    "MALLOC_TRIM_THRESHOLD_": str(2**27),
}


def in_chunks(
    files: Sequence[File], sizes: Sequence[int] | None = None
) -> Iterator[tuple[int, list[File]]]:
    """Yield where each chunk begins, and its files.

    Args:
        files: in the order wanted.
        sizes: of each, bytes; a chunk of large files holds fewer of them.
    """
    start, held = 0, 0
    for place in range(len(files)):
        held += sizes[place] if sizes is not None else 0
        if place + 1 - start == CHUNK or held >= CHUNK_BYTES:
            yield start, list(files[start : place + 1])
            start, held = place + 1, 0
    if start < len(files):
        yield start, list(files[start:])


def map_chunks(
    function: Callable[..., Result],
    calls: Sequence[Sequence[Any]],
    *,
    total: int,
    workers: int | None,
) -> Iterator[Result]:
    """Yield `function(*arguments)` for each of the calls, in their order.

    Only the chunks under way are in memory, not every result at once.

    Args:
        function: of a module that imports little, as every worker process imports it.
        calls: arguments of each call, a chunk of files each.
        total: how many files there are.
        workers: processes; by default one a core.
    """
    from joblib import Parallel, delayed

    worth_it = total >= FILES_WORTH_A_POOL or len(calls) >= CHUNKS_WORTH_A_POOL
    jobs = (workers or os.cpu_count() or 1) if worth_it else 1
    pool = Parallel(n_jobs=jobs, return_as="generator", batch_size=1)
    with _environment(WORKER_ENVIRONMENT):
        results: Iterator[Result] = pool(delayed(function)(*arguments) for arguments in calls)
    return results


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Set variables that are not set, for the processes that are started meanwhile."""
    added = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
