"""The memory of a process and its children, sampled while something runs."""

from __future__ import annotations

import threading
from typing import Self

GIB = 2**30


class Memory:
    """The most memory this process and its children had in use together, sampled."""

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
        import psutil

        me = psutil.Process()
        while not self._stop.wait(0.05):
            used = 0.0
            for process in (me, *me.children(recursive=True)):
                try:
                    used += process.memory_info().rss / GIB
                except psutil.Error:
                    continue
            self.peak = max(self.peak, used)
