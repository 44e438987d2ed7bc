"""Applies a function to chunks of files, in worker processes where that is faster."""

from __future__ import annotations

import atexit
import collections
import contextlib
import functools
import importlib
import logging
import os
from typing import TYPE_CHECKING, Any, TypeVar

from tasks.runtime import reader_process
from tasks.runtime.isolation import Isolation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

File = TypeVar("File")
Result = TypeVar("Result")
CHUNK, CHUNK_BYTES = 1_024, 8 * 2**20
# With fewer files and fewer chunks, one process that is kept between calls is enough: starting a
# pool costs more than it saves.
FILES_WORTH_A_POOL, CHUNKS_WORTH_A_POOL = 4_000, 8
# joblib sends each process one chunk ahead; a slow chunk lets the others run a little further.
SUSPECTS_PER_JOB = 4

# Pools that were started before they had files to read.
_starting: list[Iterator[Any]] = []

log = logging.getLogger("pixelgate.runtime")


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
    lost: Callable[[Any, str], Result],
) -> Iterator[Result]:
    """Yield `function(*arguments)` for each of the calls, in their order.

    Only the chunks in progress are in memory, never all results at once. No call is made in this
    process, which a crash of a decoder would end: few files are read by one other process, many by
    a pool. If such a process dies, the chunks in question are run again one by one, and the one
    that kills its process is divided until the file is found; such a chunk yields several results.

    Args:
        function: from a module that imports little, as every worker process imports it.
        calls: the arguments of each call; the second one is the call's chunk of files.
        total: number of files in all chunks.
        workers: number of processes; None for one per core.
        lost: returns the result for a file that ends its process, given the file and the signal.
    """
    worth_it = total >= FILES_WORTH_A_POOL or len(calls) >= CHUNKS_WORTH_A_POOL
    jobs = _jobs(workers) if worth_it else 1
    if jobs == 1:
        return _one_by_one(function, calls, lost)
    # Started here, as a generator does nothing before it is asked for its first result.
    return _outliving(_start(function, calls, jobs), function, calls, jobs, lost)


def start_pool_early(module: str, *, workers: int | None) -> None:
    """Start the processes of a pool before there is a file to read, and return at once.

    Args:
        module: what they import meanwhile.
        workers: number of processes; None for one per core.
    """
    jobs = _jobs(workers)
    if jobs > 1:
        _finish_starting_at_exit()
        _starting.append(_start(importlib.import_module, [(module,)] * jobs, jobs))


def _finish_starting() -> None:
    """Wait until the pools that were started early have imported what they were told to."""
    # joblib ends a pool of which results are left, with a warning. A process that died meanwhile,
    # or can't import, is found by the one who gives it files.
    while _starting:
        with contextlib.suppress(Exception):
            collections.deque(_starting.pop(), maxlen=0)


@functools.cache
def _finish_starting_at_exit() -> None:
    atexit.register(_finish_starting)


def _jobs(workers: int | None) -> int:
    return workers or os.cpu_count() or 1


def _one_by_one(
    function: Callable[..., Result],
    calls: Sequence[Sequence[Any]],
    lost: Callable[[Any, str], Result],
) -> Iterator[Result]:
    """Yield the results of one process that is not this one."""
    with Isolation(function, lost) as isolation:
        for call in calls:
            results, _ = isolation.run(call)
            yield from results


def _start(
    function: Callable[..., Result], calls: Sequence[Sequence[Any]], jobs: int
) -> Iterator[Result]:
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    _finish_starting()
    try:
        return _dispatch(function, calls, jobs)
    except TerminatedWorkerError:
        # A process died that had nothing to do yet; now that this was noticed, there is a new pool.
        return _dispatch(function, calls, jobs)


def _dispatch(
    function: Callable[..., Result], calls: Sequence[Sequence[Any]], jobs: int
) -> Iterator[Result]:
    from joblib import Parallel, delayed, parallel_config

    # Idle, each holds memory that the training has a use for; by default for five minutes.
    idle = parallel_config("loky", idle_worker_timeout=reader_process.IDLE_SECONDS)
    with idle, reader_process.environment():
        # `batch_size`: our chunks are large enough; joblib's would only delay the progress.
        pool = Parallel(n_jobs=jobs, return_as="generator", batch_size=1)
        results: Iterator[Result] = pool(
            delayed(reader_process.call)(function, os.getpid(), tuple(arguments))
            for arguments in calls
        )
    return results


def _outliving(
    results: Iterator[Result],
    function: Callable[..., Result],
    calls: Sequence[Sequence[Any]],
    jobs: int,
    lost: Callable[[Any, str], Result],
) -> Iterator[Result]:
    """Yield results of a pool of processes, which is started again after one of them died."""
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    done = 0
    with Isolation(function, lost) as isolation:
        while True:
            try:
                for result in results:
                    done += 1
                    yield result
            except TerminatedWorkerError:
                log.warning("a worker process died; the last chunks of files are read again")
            else:
                return
            # The pool says neither which chunk it was nor which are finished, only that it is one
            # of the next few.
            for call in calls[done : done + SUSPECTS_PER_JOB * jobs]:
                done += 1
                salvaged, died = isolation.run(call)
                yield from salvaged
                if died:
                    break
            results = _start(function, calls[done:], jobs)
