"""Imports what judges data, Great Expectations above all, while the inventory reads new files."""

from __future__ import annotations

import contextlib
import importlib
import threading
from typing import TYPE_CHECKING

from tasks.runtime.collector import collector_paused

if TYPE_CHECKING:
    from pathlib import Path


class RulesImport:
    """An `inventory.scan.ImageSink` that receives no images, but hears that there are new ones.

    Where files are new hardly any earlier verdict stands, and the import takes seconds, in which
    this process would only wait for those that read, and for the one that judges labels.
    """

    def begin(self, root: Path, paths: list[str]) -> None:
        """Start the import in a thread, as files are about to be read.

        Whoever imports the same waits for it, and so does the end of this process.
        """
        del root, paths
        threading.Thread(target=_import_rules, name="rules").start()


def _import_rules() -> None:
    # If it fails, it fails again, with a message, where it is needed.
    with contextlib.suppress(Exception), collector_paused():
        # First what the other thread imports next, so that both never import it half each.
        importlib.import_module("tasks.validation.validate")
        importlib.import_module("tasks.validation.expectation_findings")
