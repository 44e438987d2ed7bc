"""A run and the name of a file of its evidence go in; its path comes out, and no other file's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.runs.run_folder import CARD_PAGE, REPORT, VALIDATION
from tasks.validation.evidence import DATA_DOCS

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.runs.summary import RunSummary

# Pages and what they show; models and inventories are not handed out.
SUFFIXES = frozenset(
    {".html", ".png", ".jpg", ".svg", ".gif", ".css", ".js", ".ico", ".woff", ".woff2", ".json"}
)
PAGES = {
    "Report": REPORT,
    "Model card": CARD_PAGE,
    "Data Docs of Great Expectations": f"{VALIDATION}/{DATA_DOCS}",
}


def find_run_file(run: RunSummary, name: str) -> Path | None:
    """Return the file of that name in a run's folder; None if there is none that may be shown.

    Args:
        run: its folder holds the evidence.
        name: relative POSIX path, as a URL has it.
    """
    root = run.directory.resolve()
    # Links are resolved before they are compared, so that none leads out of the folder.
    file = (root / name).resolve()
    is_within = file.is_relative_to(root) and file.suffix.lower() in SUFFIXES
    return file if is_within and file.is_file() else None


def pages_of(run: RunSummary) -> dict[str, str]:
    """Return the pages that a run has left, by their titles."""
    return {title: name for title, name in PAGES.items() if find_run_file(run, name)}
