"""Shows the progress of long work: a bar on a terminal, log lines elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sized
from typing import TYPE_CHECKING, TextIO, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Batch = TypeVar("Batch", bound=Sized)
SECONDS_BETWEEN_LINES = 10.0

log = logging.getLogger("pixelgate")

_screen: TextIO | None = None


def use_screen(stream: TextIO) -> None:
    """Set the stream the user is looking at, when that is no longer `sys.stderr`."""
    global _screen  # noqa: PLW0603 - a process has one screen
    _screen = stream


def screen() -> TextIO:
    """Return the stream the user is looking at."""
    return _screen or sys.stderr


def track(
    batches: Iterable[Batch], *, total: int, description: str, unit: str = "files"
) -> Iterator[Batch]:
    """Yield the batches unchanged, and show how many of their items have gone by.

    Args:
        batches: any iterable of sized objects.
        total: number of items in all batches.
        description: of the work.
        unit: of the items, plural.
    """
    if screen().isatty():
        return _with_bar(batches, total, description, unit)
    return _with_log_lines(batches, total, description, unit)


def _with_bar(batches: Iterable[Batch], total: int, description: str, unit: str) -> Iterator[Batch]:
    # Imported here, as worker processes import this module too and never draw a bar.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
        console=Console(file=screen()),
        transient=True,
        # By default rich shows what is printed above the bar; the libraries print to the log file.
        redirect_stdout=False,
        redirect_stderr=False,
    ) as bar:
        task = bar.add_task(description, total=total)
        for batch in batches:
            yield batch
            bar.advance(task, len(batch))


def _with_log_lines(
    batches: Iterable[Batch], total: int, description: str, unit: str
) -> Iterator[Batch]:
    done, logged = 0, time.monotonic()
    for batch in batches:
        yield batch
        done += len(batch)
        if time.monotonic() - logged > SECONDS_BETWEEN_LINES:
            logged = time.monotonic()
            log.info("%s: %d of %d %s", description, done, total, unit)
