"""The operations desk: what it shows, whom it answers, and how it looks in a real browser."""

from __future__ import annotations

import json
import re
import stat
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import expect
from prometheus_client.parser import text_string_to_metric_families

from deployments.desk.app import create_app
from tasks.outcome import Outcome
from tasks.storage.home import Home
from tests.browsers import width_of
from tests.desk_server import running_desk
from tests.image_trees import ROOT
from tests.run_records import write_promotion, write_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

TOKEN = "a token"  # noqa: S105 - of a test


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a home of three models: healthy, with rejected data, and waiting for approval."""
    root = tmp_path_factory.mktemp("desk") / "home"
    number = 0
    for name, outcome in (
        ("digits", Outcome.KEPT_CHAMPION),
        ("clothes", Outcome.DATA_REJECTED),
        ("wafers", Outcome.AWAITING_APPROVAL),
    ):
        model = Home(name, root)
        for version, ends in enumerate((Outcome.PROMOTED, Outcome.PROMOTED, outcome), start=1):
            number += 1
            run_id = write_run(
                model,
                ends,
                number=number,
                hours_ago=24 * (4 - version),
                model_version=str(version) if ends.is_judged else None,
            )
            if ends is Outcome.PROMOTED:
                write_promotion(model, str(version), run_id)
    return Home("digits", root)


@pytest.fixture
def desk(home: Home) -> Iterator[TestClient]:
    """Return a client of the desk on this machine."""
    with TestClient(create_app(home), base_url="http://127.0.0.1:8200") as client:
        yield client


def run_of(home: Home, name: str, outcome: Outcome) -> str:
    """Return the id of a model's run with an outcome."""
    summaries = [json.loads(file.read_text("utf-8")) for file in home.runs.glob("*/summary.json")]
    return next(
        str(each["run_id"])
        for each in summaries
        if (each["name"], each["outcome"]) == (name, outcome)
    )


def test_the_first_screen_says_who_needs_somebody(desk: TestClient) -> None:
    """The worst first, each with one sentence, and the action of those that need one."""
    page = desk.get("/").text
    names = re.findall(r'<a href="/models/(\w+)">', page)
    assert names[-1] == "digits"
    assert set(names) == {"digits", "clothes", "wafers"}
    assert "Healthy. Champion 2, 98.9% (98.2 to 99.4)" in page
    assert "Data rejected 1 day ago: sizes: 3024x3024: 17 of 2,062 images." in page
    assert "pixelgate promote 3" in page
    assert page.count('class="promoted"') == 6
    assert "Version 3 waits for a person to approve it" in page


def test_names_from_the_data_are_text(desk: TestClient, home: Home) -> None:
    """A file named like a script is shown, and no script is allowed on our own pages."""
    answer = desk.get(f"/runs/{run_of(home, 'clothes', Outcome.DATA_REJECTED)}")
    assert "cat/&lt;svg onload=alert(1)&gt;.jpg" in answer.text
    assert "<svg onload" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_runs_are_filtered_and_paged(tmp_path: Path) -> None:
    """Filters are part of the links to other pages."""
    home = Home("many", tmp_path)
    for number in range(1, 121):
        ends = Outcome.FAILED if number % 2 else Outcome.UNCHANGED
        write_run(home, ends, number=number, hours_ago=200 - number)
    desk = TestClient(create_app(home), base_url="http://localhost")
    page = desk.get("/runs", params={"outcome": "failed"}).text
    assert "60 runs, the newest first" in page
    assert page.count('class="outcome failed"') == 50
    assert "/runs?outcome=failed&amp;sort=run&amp;order=desc&amp;page=2" in page
    older = desk.get("/runs", params={"outcome": "failed", "page": 2}).text
    assert older.count('class="outcome failed"') == 10
    assert desk.get("/runs", params={"page": 0}).status_code == 422


def test_an_installed_model_has_a_page_before_its_first_run(tmp_path: Path) -> None:
    """Where its first run can be asked for."""
    home = Home("fresh", tmp_path)
    home.installed_models.mkdir()
    (home.installed_models / "fresh.toml").write_text('data = "x"\nwatch = true', "utf-8")
    desk = TestClient(create_app(home), base_url="http://localhost")
    assert '<a href="/models/fresh">fresh</a>' in desk.get("/").text
    page = desk.get("/models/fresh")
    assert page.status_code == 200
    assert "it was installed, and has not run yet" in page.text


def test_monitors_may_ask_for_the_head_alone(tmp_path: Path) -> None:
    """It says what the page would, and holds nothing of it."""
    desk = TestClient(create_app(Home("new", tmp_path)), base_url="http://localhost")
    for address, status in (("/", 200), ("/healthz", 200), ("/metrics", 200), ("/none", 404)):
        answer = desk.head(address)
        assert (answer.status_code, answer.content) == (status, b""), address


def test_what_is_no_address_or_value_is_said_on_a_page(tmp_path: Path) -> None:
    """A person gets a page with a way back; a program gets JSON."""
    desk = TestClient(create_app(Home("new", tmp_path)), base_url="http://localhost")
    for address, status in (("/none", 404), ("/runs?page=-1", 422)):
        answer = desk.get(address)
        assert answer.status_code == status
        assert "Back to production" in answer.text
    assert "page: Input should be greater than or equal to 1." in answer.text
    assert desk.get("/api/none").json() == {"error": "Not Found"}
    assert desk.put("/").headers["allow"] == "GET"


def test_a_run_that_ends_is_seen(tmp_path: Path) -> None:
    """Summaries are kept in memory, and read again when they change."""
    home = Home("new", tmp_path)
    desk = TestClient(create_app(home), base_url="http://localhost")
    assert "No model yet" in desk.get("/").text
    run_id = write_run(home, Outcome.UNFINISHED)
    assert f'<a href="/runs/{run_id}">{run_id}</a> is in progress' in desk.get("/").text
    other = write_run(Home("other", tmp_path / "elsewhere"), Outcome.FAILED, number=1)
    text = (tmp_path / "elsewhere/runs" / other / "summary.json").read_text("utf-8")
    (home.runs / run_id / "summary.json").write_text(text.replace("other", "new"), "utf-8")
    assert "is in progress" not in desk.get("/").text


def test_a_model_page_says_what_was_in_production(desk: TestClient) -> None:
    """On any day, from the ledger; a date that is none is said."""
    assert "Nothing had been in production yet." in desk.get("/models/digits?at=2020-01-01").text
    assert "Not a date or time: yesterday" in desk.get("/models/digits?at=yesterday").text
    page = desk.get("/models/digits").text
    assert "Decisions, the newest first" in page
    assert page.count("<td>promote</td>") == 2


@pytest.mark.parametrize(
    "path",
    ["/models/nobody", "/runs/20200101-000000-0000", "/runs/../../etc/passwd", "/nothing"],
)
def test_what_does_not_exist_is_a_page_too(desk: TestClient, path: str) -> None:
    """With the way back, and no traceback."""
    answer = desk.get(path)
    assert answer.status_code == 404


def test_only_pages_of_a_run_are_handed_out(desk: TestClient, home: Home) -> None:
    """No path leads out of the run's folder, and models stay where they are."""
    run_id = run_of(home, "digits", Outcome.KEPT_CHAMPION)
    (home.runs / run_id / "secret.html").symlink_to(ROOT / "README.md")
    (home.runs / run_id / "model.keras").write_bytes(b"weights")
    answer = desk.get(f"/runs/{run_id}/files/report.html")
    assert f"Report of {run_id}" in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    for name in ("secret.html", "model.keras", "%2e%2e/%2e%2e/state/ledger/digits.jsonl", "."):
        assert desk.get(f"/runs/{run_id}/files/{name}").status_code == 404, name


def test_pages_of_other_sites_can_not_ask(home: Home) -> None:
    """A name that a browser resolves to this machine is not this machine's."""
    desk = TestClient(create_app(home), base_url="http://attacker.example")
    assert desk.get("/").status_code == 400


def test_other_machines_are_asked_for_the_token(home: Home) -> None:
    """As password, or as bearer token; only the health check is open."""
    desk = TestClient(create_app(home, token=TOKEN), base_url="http://desk.example")
    assert desk.get("/healthz").json() == {"status": "ok"}
    assert desk.get("/").status_code == 401
    assert desk.get("/", auth=("anybody", "wrong")).status_code == 401
    assert desk.get("/", headers={"Authorization": "Basic ???"}).status_code == 401
    assert desk.get("/", auth=("anybody", TOKEN)).status_code == 200
    assert desk.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_metrics_are_what_dashboards_and_alerts_ask_for(desk: TestClient) -> None:
    """Every name that the Grafana dashboard and the alert rules ask for exists."""
    text = desk.get("/metrics").text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    asked = set()
    for file in (ROOT / "deployments/monitoring").iterdir():
        asked |= set(re.findall(r"pixelgate_\w+", file.read_text("utf-8")))
    assert asked
    assert asked <= set(families)
    health = {
        sample.labels["model"]: sample.value for sample in families["pixelgate_health"].samples
    }
    assert health == {"digits": 0, "clothes": 1, "wafers": 1}
    documented = (ROOT / "docs/operations.md").read_text("utf-8")
    assert [name for name in families if f"`{name}`" not in documented] == []
    rules = re.findall(r"alert: (\w+)", (ROOT / "deployments/monitoring/alerts.yaml").read_text())
    assert [rule for rule in rules if f"### {rule}" not in documented] == []


def test_status_is_the_same_for_programs(desk: TestClient) -> None:
    """What `pixelgate status --json` prints."""
    statuses = {each["name"]: each for each in desk.get("/api/status").json()}
    assert statuses["clothes"]["last_outcome"] == "data_rejected"
    assert statuses["wafers"]["waiting"] == ["3"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_desk_in_a_browser(browser: Browser, home: Home, tmp_path: Path, scheme: str) -> None:
    """From the first screen to the report of a rejected run, on a phone, in both looks."""
    with running_desk(home.root, tmp_path) as url:
        context = browser.new_context(
            color_scheme="dark" if scheme == "dark" else "light",
            viewport={"width": 390, "height": 800},
        )
        page = context.new_page()
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text))
        page.goto(url)
        assert width_of(page) <= 390
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        expect(page.get_by_role("navigation", name="Pages")).to_have_count(1)
        page.get_by_role("listitem").get_by_role("link", name=re.compile("data rejected")).click()
        expect(
            page.get_by_role("heading", name="Data rejected: nothing was trained.")
        ).to_have_count(1)
        page.get_by_role("link", name="Report").click()
        expect(page.get_by_text("Report of")).to_have_count(1)
        assert problems == []


def test_a_desk_for_other_machines_makes_its_token_once(home: Home) -> None:
    """In a file that only its owner can read; a port that is taken is one sentence."""
    from deployments.desk.server import serve_desk
    from deployments.installation.secret_files import desk_token
    from tasks.errors import UsageError

    token = desk_token(home)
    assert len(token) > 30
    assert desk_token(home) == token
    assert stat.S_IMODE(home.desk_token.stat().st_mode) == 0o600
    with pytest.raises(UsageError, match=r"Can't listen on nowhere\.invalid, port 8200"):
        serve_desk(home, host="nowhere.invalid", port=8200, late_after_hours=None, announce=print)
