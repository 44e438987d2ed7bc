"""A data folder goes in; a run is asked for when files have arrived and it is quiet again."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.monitoring.run_requests import request_run

if TYPE_CHECKING:
    from watchfiles import Change

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
        # What arrived while nobody could watch is seen once it can be again.
        missed = False
        while not self._stop.is_set():
            folder = self._folder()
            if folder is None:
                missed = True
                self._stop.wait(self.model.quiet_seconds)
                continue
            try:
                self._follow(folder, missed=missed)
                missed = True
            except (OSError, RuntimeError) as error:
                # The folder is on a share that is away, or was renamed: it may come back.
                log.warning("the folder %s can't be watched: %s", folder, error)
                missed = True
                self._stop.wait(60)

    def _folder(self) -> Path | None:
        """Return what to watch: the data folder, or that of the manifest; None if it is away."""
        data = self.model.data
        if data.is_dir():
            return data
        return data.parent if data.exists() else None

    def _follow(self, folder: Path, *, missed: bool) -> None:
        """Watch a folder until another one has its name, or none."""
        from watchfiles import watch

        quiet, changed, identity = self.model.quiet_seconds, int(missed), _identity(folder)
        # Nothing at all for so long is an empty set; a folder that is filled yields one by one.
        for changes in watch(
            folder,
            watch_filter=self._is_data,
            stop_event=self._stop,
            rust_timeout=round(1000 * quiet),
            yield_on_timeout=True,
            raise_interrupt=False,
        ):
            if self._folder() != folder or _identity(folder) != identity:
                return
            changed += len(changes)
            if changed and not changes and not self._stop.is_set():
                request_run(
                    self._home.renamed(self.model.name),
                    who="watch",
                    reason=f"{changed} changes in the data folder",
                )
                changed = 0

    def _is_data(self, change: Change, path: str) -> bool:
        """Return whether a change is none of our own: a home may be beside a manifest."""
        from watchfiles import DefaultFilter

        home = self._home.root.absolute()
        return not Path(path).is_relative_to(home) and DefaultFilter()(change, path)


def _identity(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino
