"""A home goes in; the pictures of the desk and of a report in docs/figures come out.

Run from the root, after a few runs: python -m docs.screenshots HOME
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.monitoring.run_list import list_runs
from tasks.outcome import Outcome
from tasks.storage.home import Home
from tests.browsers import NO_BROWSER, find_browser, open_browser
from tests.desk_server import running_desk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

FIGURES = Path(__file__).parent / "figures"
WIDTH = 1200
# What is seen of each page, in pixels.
HEIGHTS = {"desk": 1080, "desk-run": 1160, "report": 1100}
MOST_BYTES = 300_000
JUDGED = (Outcome.PROMOTED, Outcome.KEPT_CHAMPION, Outcome.AWAITING_APPROVAL)


def main(root: Path) -> None:
    """Take the pictures of a home, light and dark, and print their sizes."""
    executable = find_browser()
    if executable is None:
        raise SystemExit(NO_BROWSER)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_desk(root, Path(folder)) as url,
        open_browser(executable) as browser,
    ):
        pages = addresses(root, url)
        for file in (file for name in pages for file in take(browser, name, pages[name])):
            size = file.stat().st_size
            sys.stdout.write(f"{file.name}: {size:,} bytes\n")
            if size > MOST_BYTES:
                raise SystemExit(f"{file} has more than {MOST_BYTES:,} bytes")


def addresses(root: Path, url: str) -> dict[str, str]:
    """Return the address of each picture's page: of a run that was judged, the newest."""
    judged = [run.run_id for run in list_runs(Home("pixelgate", root)) if run.outcome in JUDGED]
    if not judged:
        raise SystemExit(f"{root} has no run that was judged: pixelgate demo --home {root}")
    run = f"{url}/runs/{judged[0]}"
    return {"desk": url, "desk-run": run, "report": f"{run}/files/report.html"}


def take(browser: Browser, name: str, address: str) -> Iterator[Path]:
    """Take the picture of a page in both looks, and yield the files."""
    for scheme in ("light", "dark"):
        context = browser.new_context(
            color_scheme="dark" if scheme == "dark" else "light",
            viewport={"width": WIDTH, "height": HEIGHTS[name]},
        )
        page = context.new_page()
        page.goto(address, wait_until="networkidle")
        if page.locator("figure.chart").count():
            page.locator(".main-svg").first.wait_for(state="attached")
        if name == "desk-run":
            # From the training on: the gates are in the report's picture.
            page.evaluate("document.documentElement.style.scrollBehavior = 'auto'")
            page.get_by_role("heading", name="Training").evaluate("each => each.scrollIntoView()")
        file = FIGURES / f"{name}{'-dark' if scheme == 'dark' else ''}.png"
        page.screenshot(path=file)
        context.close()
        yield file


if __name__ == "__main__":
    main(Path(sys.argv[1]))
