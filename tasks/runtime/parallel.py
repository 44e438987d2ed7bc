"""Applies a function to chunks of files, in worker processes where that is faster."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

File = TypeVar("File")
Result = TypeVar("Result")
CHUNK, CHUNK_BYTES = 1_024, 8 * 2**20
# With fewer files and fewer chunks, starting a pool of processes costs more than it saves.
FILES_WORTH_A_POOL, CHUNKS_WORTH_A_POOL = 4_000, 8
# Workers allocate and free arrays of some hundred kilobytes all the time. By default glibc gets
# each of them from the kernel, page by page, which costs an eighth of the time.
WORKER_ENVIRONMENT = {
    "MALLOC_MMAP_THRESHOLD_": str(2**26),
    "MALLOC_TRIM_THRESHOLD_": str(2**27),
}


def in_chunks(
    files: Sequence[File], sizes: Sequence[int] | None = None
) -> Iterator[tuple[int, list[File]]]:
    """Yield the index of each chunk's first file, and the files of the chunk.

    Args:
        files: in the order of the chunks.
        sizes: of each file, bytes; a chunk of large files holds fewer of them.
    """
    start, held = 0, 0
    for index in range(len(files)):
        held += sizes[index] if sizes is not None else 0
        if index + 1 - start == CHUNK or held >= CHUNK_BYTES:
            yield start, list(files[start : index + 1])
            start, held = index + 1, 0
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

    Only the chunks in progress are in memory, never all results at once.

    Args:
        function: from a module that imports little, as every worker process imports it.
        calls: the arguments of each call, with one chunk of files each.
        total: number of files in all chunks.
        workers: number of processes; None for one per core.
    """
    from joblib import Parallel, delayed

    worth_it = total >= FILES_WORTH_A_POOL or len(calls) >= CHUNKS_WORTH_A_POOL
    jobs = (workers or os.cpu_count() or 1) if worth_it else 1
    # `batch_size`: our chunks are large enough; joblib's own batches would only delay the progress.
    pool = Parallel(n_jobs=jobs, return_as="generator", batch_size=1)
    with _environment(WORKER_ENVIRONMENT):
        results: Iterator[Result] = pool(delayed(function)(*arguments) for arguments in calls)
    return results


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Set variables for processes started in the meantime; what the user has set stays."""
    added = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
