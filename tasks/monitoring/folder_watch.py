"""A data folder goes in; a run is asked for when files have arrived and it is quiet again."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from tasks.monitoring.run_requests import request_run

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.config.installed_models import InstalledModel
    from tasks.storage.home import Home

log = logging.getLogger("pixelgate")


class FolderWatch:
    """Watches the folder of a model, in a thread of its own.

    Args:
        home: of the model.
        model: says the folder, and how long it must be quiet.
    """

    def __init__(self, home: Home, model: InstalledModel) -> None:
        self.model = model
        self._home, self._stop = home, threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"watch {model.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the watch."""
        self._stop.set()
        self._thread.join(timeout=10)

    def _watch(self) -> None:
        folder = self.model.data
        while not self._stop.is_set():
            try:
                self._follow(folder if folder.is_dir() else folder.parent)
            except (OSError, RuntimeError) as error:
                # The folder is on a share that is away, or was renamed: it may come back.
                log.warning("the folder %s can't be watched: %s", folder, error)
                self._stop.wait(60)

    def _follow(self, folder: Path) -> None:
        from watchfiles import watch

        quiet, changed = self.model.quiet_seconds, 0
        # Nothing at all for so long is an empty set; a folder that is filled yields one by one.
        for changes in watch(
            folder,
            stop_event=self._stop,
            rust_timeout=round(1000 * quiet),
            yield_on_timeout=True,
            raise_interrupt=False,
        ):
            changed += len(changes)
            if changed and not changes and not self._stop.is_set():
                request_run(
                    self._home.renamed(self.model.name),
                    who="watch",
                    reason=f"{changed} changes in the data folder",
                )
                changed = 0
