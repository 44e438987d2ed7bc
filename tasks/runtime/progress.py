"""Progress on long work: a bar on a terminal, log lines where there is none."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sized
from typing import TYPE_CHECKING, TextIO, TypeVar

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Batch = TypeVar("Batch", bound=Sized)
SECONDS_BETWEEN_LINES = 10.0

_screen: TextIO | None = None


def use_screen(stream: TextIO) -> None:
    """Say where a person is looking, when that is no longer `sys.stderr`."""
    global _screen  # noqa: PLW0603 - a process has one screen
    _screen = stream


def screen() -> TextIO:
    """Return the stream a person is looking at."""
    return _screen or sys.stderr


def track(
    batches: Iterable[Batch], *, total: int, description: str, unit: str = "files"
) -> Iterator[Batch]:
    """Pass batches on, counting their items towards `total` as they go by."""
    log = logging.getLogger("pixelgate")
    done, told = 0, time.monotonic()
    with tqdm(
        total=total,
        desc=description,
        unit=f" {unit}",
        file=screen(),
        disable=not screen().isatty(),
        leave=False,
    ) as bar:
        for batch in batches:
            yield batch
            done += len(batch)
            bar.update(len(batch))
            if bar.disable and time.monotonic() - told > SECONDS_BETWEEN_LINES:
                told = time.monotonic()
                log.info("%s: %d of %d %s", description, done, total, unit)
