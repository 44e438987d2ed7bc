"""A real browser for pages that are written or served."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

# Debian's name, and those of other systems.
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NO_BROWSER = "no Chromium: install the package chromium, or set PIXELGATE_BROWSER to one"


def find_browser() -> str | None:
    """Return the path of an installed Chromium; None if there is none."""
    named = os.environ.get("PIXELGATE_BROWSER")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


@contextlib.contextmanager
def open_browser(executable: str) -> Iterator[Browser]:
    """Start a browser without a window, and end it."""
    from playwright.sync_api import sync_playwright

    # No sandbox: it needs rights that containers don't have. Only pages of our own are opened.
    arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def width_of(page: Page) -> int:
    """Return how wide a page is, in CSS pixels, once its style sheets are there."""
    page.wait_for_load_state("load")
    return int(page.evaluate("document.documentElement.scrollWidth"))
