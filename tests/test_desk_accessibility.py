"""Everybody can use the desk: with a screen reader, a keyboard, a phone, in light and dark."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe

from tasks.outcome import Outcome
from tasks.storage.home import Home
from tests.browsers import width_of
from tests.desk_server import PROMOTED, running_desk, write_model
from tests.run_records import write_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, ViewportSize

PHONE: ViewportSize = {"width": 360, "height": 740}
GRAVE = ("serious", "critical")


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Return a home with everything that pages can show, and the paths of all pages."""
    root = tmp_path_factory.mktemp("accessible")
    runs = write_model(Home("digits", root))
    live = write_run(Home("training", root), Outcome.UNFINISHED, number=9)
    return root, [
        "/",
        "/runs",
        "/runs?since=never",
        *(f"/runs/{run_id}" for run_id in (runs["rejected"], runs[PROMOTED], live)),
        "/models/digits?at=2020-01-01",
        "/models/digits/versions/2",
        "/models/digits/diff?a=1&b=2",
        "/models/nobody",
    ]


@pytest.fixture(scope="module")
def url(paths: tuple[Path, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a desk in a process of its own."""
    with running_desk(paths[0], tmp_path_factory.mktemp("log")) as address:
        yield address


def grave_problems(page: Page) -> list[str]:
    """Return what axe-core calls serious or critical, with every table open."""
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    violations = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {each['nodes'][0]['html'][:200]}"
        for each in violations
        if each["impact"] in GRAVE
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible(
    browser: Browser, url: str, paths: tuple[Path, list[str]], scheme: str
) -> None:
    """Axe-core finds nothing serious; nothing is wider than a phone; the policy blocks nothing."""
    context = browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light", viewport=PHONE
    )
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(f"{page.url}: {message.text}"))
    page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
    for path in paths[1]:
        page.goto(url + path)
        if page.locator("figure.chart").count():
            page.locator(".main-svg").first.wait_for(state="attached")
        assert width_of(page) <= PHONE["width"], path
        assert grave_problems(page) == [], path
    expected = "the server responded with a status of 404"
    assert [problem for problem in problems if expected not in problem] == []
    context.close()


def test_a_keyboard_is_enough(browser: Browser, url: str) -> None:
    """The skip link comes first and leads to the content; what has the focus can be seen."""
    page = browser.new_page()
    page.goto(url)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    page.close()


def test_the_numbers_are_there_without_a_script(
    browser: Browser, url: str, paths: tuple[Path, list[str]]
) -> None:
    """Charts are tables then, which open without a script."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(url + paths[1][4])
    page.get_by_text("The numbers of the chart Loss of the training").click()
    table = page.get_by_role("region", name="Numbers: Loss of the training")
    assert table.get_by_role("cell", name="1.2").is_visible()
    assert page.locator(".drawing").first.is_hidden()
    context.close()


@pytest.mark.parametrize(
    ("hours", "shown"), [(1, r"\d\d:\d\d"), (12, r"\d\d-\d\d \d\d:\d\d"), (30, r"\d\d-\d\d")]
)
def test_runs_of_a_chart_are_told_apart(
    browser: Browser, tmp_path: Path, hours: float, shown: str
) -> None:
    """By their hours where they are of one day, by both where they are of few."""
    home = Home("wafers", tmp_path / "home")
    noon = datetime.now(UTC).replace(hour=12, minute=0)
    since_noon = (datetime.now(UTC) - noon).total_seconds() / 3600
    for number in range(6):
        ago = since_noon + hours * number
        write_run(home, Outcome.PROMOTED, number=number + 1, hours_ago=ago, model_version="1")
    with running_desk(home.root, tmp_path) as url:
        page = browser.new_page()
        page.goto(f"{url}/models/wafers")
        ticks = page.locator(".xtick text")
        ticks.first.wait_for(state="attached")
        texts = ticks.all_text_contents()
        assert all(re.fullmatch(shown, text) for text in texts), texts
        page.close()
