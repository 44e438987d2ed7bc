"""Imports what judges data, Great Expectations above all, while the inventory reads new files."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Self

from tasks.runtime.collector import collector_paused

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


class RulesImport:
    """An `inventory.scan.ImageSink` that receives no images, but hears that there are new ones.

    Where files are new hardly any earlier verdict stands, and the import takes seconds, in which
    this process would only wait for those that read. A context manager: the import has ended at its
    end.
    """

    def __init__(self) -> None:
        self._importing: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Return itself; nothing is imported before `begin` is called."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for the import."""
        if self._importing:
            self._importing.join()

    def begin(self, root: Path, paths: list[str]) -> None:
        """Start the import, as files are about to be read."""
        del root, paths
        self._importing = threading.Thread(target=_import_rules, name="rules", daemon=True)
        self._importing.start()


def _import_rules() -> None:
    # If it fails, it fails again, with a message, where it is needed.
    with contextlib.suppress(Exception), collector_paused():
        import tasks.validation.expectation_findings  # noqa: F401
