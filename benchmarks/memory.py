"""Peak memory of a process and its children."""

from __future__ import annotations

import threading
from typing import Self

# Here, so that its absence ends a benchmark: a thread would die of it, and the peak would be 0.
import psutil

GIB = 2**30


class Memory:
    """Samples the memory of this process and its children; `peak` is the highest sum, in GiB."""

    def __init__(self) -> None:
        self.peak = 0.0
        self._stop = threading.Event()
        self._watch = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._watch.join()

    def _sample(self) -> None:
        parent = psutil.Process()
        while not self._stop.wait(0.05):
            used = 0.0
            for process in (parent, *parent.children(recursive=True)):
                try:
                    used += process.memory_info().rss / GIB
                except psutil.Error:
                    continue
            self.peak = max(self.peak, used)
