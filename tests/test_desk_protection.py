"""What the desk does with forms: other sites, replays and strangers change nothing by them."""

from __future__ import annotations

import http.server
import threading
from typing import TYPE_CHECKING

import pytest

from deployments.desk.sessions import Session
from tasks.monitoring.run_requests import waiting_requests
from tests.desk_people import TOKEN, Operator, served_desk
from tests.digits_desk import MODEL, RUN, form_of, home_of_digits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tasks.storage.home import Home

ACTIONS = (
    RUN,
    "/models/digits/approve",
    "/models/digits/promote",
    "/models/digits/rollback",
    "/models/digits/quarantine",
    "/logout",
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return a home of one model with a champion."""
    return home_of_digits(tmp_path / "home")


@pytest.fixture
def desk(home: Home) -> Iterator[str]:
    """Return the address of a desk on this machine."""
    with served_desk(home) as url:
        yield url


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
@pytest.mark.parametrize("path", [RUN, "/login", "/logout"])
def test_forms_of_other_sites_are_refused(
    desk: str, home: Home, path: str, headers: dict[str, str]
) -> None:
    """Even with the cookie and a right token; another port of this machine is another site."""
    ada = Operator(desk)
    answer = ada.http.post(path, data=form_of(ada), headers=headers)
    assert answer.status_code == 403
    assert "Another site sent this form. Nothing was changed." in answer.text
    assert waiting_requests(home) == []


def test_a_form_without_its_token_is_refused(desk: str, home: Home) -> None:
    """Missing, made up, torn, or of somebody else's session."""
    ada, bob = Operator(desk), Operator(desk, "bob")
    right = ada.form_token(MODEL)
    for wrong in (None, "", "x.y", right[:-1], f"x{right}", bob.form_token(MODEL), "\u00e9.\u00e9"):
        data = {"reason": "a test"} | ({} if wrong is None else {"form_token": wrong})
        answer = ada.http.post(RUN, data=data)
        assert answer.status_code == 403, wrong
        assert "This form is not of this sign-in." in answer.text
    assert waiting_requests(home) == []


def test_a_form_counts_once(desk: str, home: Home) -> None:
    """Sent again after its run has started, it asks for no other one."""
    ada = Operator(desk)
    form = form_of(ada)
    assert ada.http.post(RUN, data=form).status_code == 303
    (request,) = waiting_requests(home)
    request.file.unlink()
    assert ada.http.post(RUN, data=form).status_code == 303
    assert waiting_requests(home) == []
    # Where no page shows what came of it, such as those of other routes.
    form = form_of(ada)
    ada.http.post(RUN, data=form)
    assert ada.http.post("/logout", data=form).status_code == 409


@pytest.mark.parametrize("path", [each for each in ACTIONS if each != "/logout"])
def test_who_has_not_signed_in_is_asked_to(desk: str, home: Home, path: str) -> None:
    """And returns to the page of the form; nothing is done until it is sent anew."""
    answer = Operator(desk, None).http.post(path, data={"reason": "a test"})
    assert answer.status_code == 401
    assert "Sign in first. Nothing was changed." in answer.text
    assert f'name="onward" value="{MODEL}"' in answer.text
    assert waiting_requests(home) == []


def test_nothing_is_done_by_following_a_link(desk: str, home: Home) -> None:
    """Addresses of forms don't answer to GET, or ask before they do."""
    ada = Operator(desk)
    before = home.ledger().read_bytes()
    for path in ACTIONS:
        token = ada.form_token(MODEL)
        answer = ada.http.get(path, params={"form_token": token, "reason": "x", "version": "1"})
        is_question = path.endswith(("promote", "rollback"))
        assert answer.status_code in ({303} if is_question else {405}), path
    assert ada.http.get("/api/models/digits/runs").status_code == 405
    assert home.ledger().read_bytes() == before
    assert waiting_requests(home) == []


def test_form_tokens_are_of_one_session() -> None:
    """Each is another one, and only its own session knows it."""
    ada, bob = Session("ada", 1.0), Session("bob", 1.0)
    tokens = {ada.form_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(ada.owns(token) and not bob.owns(token) for token in tokens)
    assert [ada.is_first_use(next(iter(tokens))) for _ in range(3)] == [True, False, False]


def test_what_a_page_says_is_left_alone_by_others(desk: str) -> None:
    """Such as the first screen, which loads itself again every 30 seconds."""
    ada = Operator(desk)
    location = ada.http.post(RUN, data=form_of(ada)).headers["Location"]
    assert "It waits to start." not in ada.page("/").partition('class="card')[0]
    assert 'role="status">A run of digits was asked for.' in ada.page(location)
    assert 'role="status"' not in ada.page(location)


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"x" * (2**20 + 1), "application/x-www-form-urlencoded", 413),
        (b"a=1&" * 10_001, "application/x-www-form-urlencoded", 400),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"{}", "application/json", 415),
        (b"", "multipart/form-data; boundary=x", 415),
        (b"", "text/plain", 415),
    ],
)
def test_what_is_no_form_is_refused(desk: str, content: bytes, kind: str, status: int) -> None:
    """By a page, before anything is read from it."""
    answer = Operator(desk).http.post(RUN, content=content, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert "<h1>" in answer.text


def test_a_page_of_another_port_can_not_act_in_a_browser(
    browser: Browser, desk: str, home: Home
) -> None:
    """For cookies it is the same site, so that the cookie alone would let it."""
    page = browser.new_page()
    page.goto(f"{desk}/login?onward={MODEL}")
    page.get_by_label("your name").fill("ada")
    page.get_by_label("the desk's token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()
    token = page.locator('input[name="form_token"]').first.get_attribute("value")
    form = (
        f'<form method="post" action="{desk}{RUN}"><input name="form_token" value="{token}">'
        '<input name="reason" value="stolen"><button>win a prize</button></form>'
    )

    class Attacker(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(form.encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Attacker) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        page.goto(f"http://127.0.0.1:{server.server_port}")
        page.get_by_role("button").click()
        assert page.get_by_text("Another site sent this form.").count() == 1
        server.shutdown()
        thread.join()
    assert waiting_requests(home) == []
    page.goto(f"{desk}{MODEL}")
    page.get_by_label("reason").first.fill("my own")
    page.get_by_role("button", name="Run now").click()
    page.get_by_role("status").get_by_text("It waits to start").wait_for()
    assert [each.reason for each in waiting_requests(home)] == ["my own"]
