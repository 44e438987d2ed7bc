"""Who may act at the desk: what other sites, guessers and replays get."""

from __future__ import annotations

import http.server
import re
import threading
from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi import HTTPException
from fastapi.testclient import TestClient

from deployments.desk.app import create_app
from deployments.desk.attempts import LIMIT, SECONDS, Attempts
from deployments.desk.sessions import SESSION_SECONDS, Session, Sessions
from tasks.monitoring.run_requests import waiting_requests
from tasks.outcome import Outcome
from tasks.storage.home import Home
from tests.desk_people import TOKEN, Operator, served_desk
from tests.run_records import write_promotion, write_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

RUN, MODEL = "/models/digits/run", "/models/digits"
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
    home = Home("digits", tmp_path / "home")
    write_promotion(home, "1", write_run(home, Outcome.PROMOTED, model_version="1"))
    return home


@pytest.fixture
def desk(home: Home) -> Iterator[str]:
    """Return the address of a desk on this machine."""
    with served_desk(home) as url:
        yield url


def form_of(ada: Operator) -> dict[str, str]:
    """Return what a form that asks for a run sends."""
    return {"form_token": ada.form_token(MODEL), "reason": "a test"}


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


def test_pages_that_ask_send_strangers_to_the_sign_in(desk: str) -> None:
    """And from there back."""
    http_client = Operator(desk, None).http
    answer = http_client.get("/models/digits/promote?version=1")
    assert answer.status_code == 303
    onward = "%2Fmodels%2Fdigits%2Fpromote%3Fversion%3D1"
    assert answer.headers["Location"] == f"/login?onward={onward}"
    page = http_client.get(answer.headers["Location"]).text
    assert 'value="/models/digits/promote?version=1"' in page


@pytest.mark.parametrize(
    ("onward", "leads_to"),
    [
        ("/runs", "/runs"),
        ("https://attacker.example", "/"),
        ("//attacker.example", "/"),
        ("/\\attacker.example", "/"),
        ("/\nattacker", "/"),
        ("", "/"),
    ],
)
def test_signing_in_leads_to_no_other_site(desk: str, onward: str, leads_to: str) -> None:
    """Whatever the link to the form said."""
    data = {"token": TOKEN, "name": "ada", "onward": onward}
    answer = Operator(desk, None).http.post("/login", data=data)
    assert (answer.status_code, answer.headers["Location"]) == (303, leads_to)


def test_the_cookie_is_for_this_desk_alone(desk: str) -> None:
    """No script reads it, no other site sends it, and it is not the token."""
    data = {"token": TOKEN, "name": "ada", "onward": "/"}
    cookie = Operator(desk, None).http.post("/login", data=data).headers["Set-Cookie"]
    assert re.search(r"; HttpOnly", cookie)
    assert re.search(r"; SameSite=strict", cookie)
    assert f"Max-Age={SESSION_SECONDS}" in cookie
    assert TOKEN not in cookie
    headers = Operator(desk).http.get(MODEL).headers
    assert "form-action 'self'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


def test_the_cookie_goes_encrypted_where_the_page_does(home: Home) -> None:
    """Behind a proxy with TLS, whose address the pages have."""
    client = TestClient(create_app(home, token=TOKEN), base_url="https://desk.example")
    headers = {"Origin": "https://desk.example", "Authorization": f"Bearer {TOKEN}"}
    data = {"token": TOKEN, "name": "ada", "onward": "/"}
    answer = client.post("/login", data=data, headers=headers, follow_redirects=False)
    assert "; Secure" in answer.headers["Set-Cookie"]


def test_signing_out_ends_the_session(desk: str, home: Home) -> None:
    """For the cookie too that somebody has copied."""
    ada = Operator(desk)
    form, cookies = form_of(ada), dict(ada.http.cookies)
    ada.http.post("/logout", data={"form_token": ada.form_token(MODEL)})
    thief = httpx.Client(base_url=desk, headers={"Origin": desk}, cookies=cookies)
    assert thief.post(RUN, data=form).status_code == 401
    assert "Sign in to act" in thief.get(MODEL).text
    assert waiting_requests(home) == []


def test_a_session_ends_by_itself() -> None:
    """After its hours, and so do its forms."""
    moment = [0.0]
    sessions = Sessions(lambda: TOKEN, Attempts(), clock=lambda: moment[0])
    secret = sessions.sign_in(TOKEN, "ada", "here")
    assert sessions.find(secret) is not None
    moment[0] = SESSION_SECONDS - 1
    assert sessions.find(secret) is not None
    moment[0] = SESSION_SECONDS
    assert sessions.find(secret) is None
    later = sessions.sign_in(TOKEN, "bob", "here")
    assert sessions.find(later) is not None
    assert secret not in repr(vars(sessions))


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
    ("token", "name", "status", "message"),
    [
        ("wrong", "ada", 401, "This is not the desk"),
        ("", "ada", 401, "This is not the desk"),
        ("\u00e9", "ada", 401, "This is not the desk"),
        (TOKEN, "  ", 422, "Give your name, in at most 80 characters"),
        (TOKEN, "a" * 81, 422, "Give your name, in at most 80 characters"),
        (TOKEN, "a\x00b", 422, "Give your name, in at most 80 characters"),
    ],
)
def test_signing_in_needs_the_token_and_a_name(
    desk: str, token: str, name: str, status: int, message: str
) -> None:
    """What is wrong is said, and no cookie is given."""
    data = {"token": token, "name": name, "onward": "/"}
    answer = Operator(desk, None).http.post("/login", data=data)
    assert answer.status_code == status
    assert message in answer.text
    assert "Set-Cookie" not in answer.headers


def test_a_name_is_one_line_and_never_that_of_a_run(desk: str, home: Home) -> None:
    """So that the ledger can't be made to name somebody else."""
    ada = Operator(desk, "run  20260101-000000-0000\n")
    ada.http.post(RUN, data=form_of(ada))
    (request,) = waiting_requests(home)
    assert request.who == "run 20260101-000000-0000 (desk)"


@pytest.mark.parametrize("way", ["form", "bearer", "password"])
def test_guessing_the_token_is_slowed_down(home: Home, way: str) -> None:
    """After ten wrong ones in a minute even the right one must wait."""
    client = TestClient(
        create_app(home, token=TOKEN if way == "password" else None),
        base_url="http://localhost",
        headers={"Origin": "http://localhost"},
        follow_redirects=False,
    )
    home.desk_token.write_text(TOKEN, "utf-8")

    def ask(token: str) -> int:
        if way == "password":
            answer = client.get("/", auth=("anybody", token))
        elif way == "bearer":
            headers = {"Authorization": f"Bearer {token}"}
            answer = client.post("/api/models/digits/runs", headers=headers)
        else:
            data = {"token": token, "name": "ada", "onward": "/"}
            answer = client.post("/login", data=data)
        return int(answer.status_code)

    assert [ask("wrong") for _ in range(LIMIT)] == [401] * LIMIT
    assert ask(TOKEN) == 429
    assert waiting_requests(home) == []


def test_whoever_guessed_wrong_may_try_again_later() -> None:
    """Others are not made to wait for it."""
    moment = [0.0]
    attempts = Attempts(clock=lambda: moment[0])
    sessions = Sessions(lambda: TOKEN, attempts, clock=lambda: moment[0])
    for _ in range(LIMIT):
        with pytest.raises(HTTPException, match="not the desk's token"):
            sessions.require_token("wrong", "there")
    with pytest.raises(HTTPException, match="Too many wrong tokens"):
        sessions.require_token(TOKEN, "there")
    sessions.require_token(TOKEN, "here")
    moment[0] = SECONDS
    sessions.require_token(TOKEN, "there")


def test_where_others_can_listen_every_page_wants_the_token(home: Home) -> None:
    """And actions the sign-in besides, as browsers send a password for other sites too."""
    with served_desk(home, token=TOKEN) as url:
        password = httpx.Client(base_url=url, auth=("anybody", TOKEN), headers={"Origin": url})
        for path in (MODEL, "/login", "/models/digits/promote?version=1"):
            assert httpx.get(url + path).status_code == 401, path
            assert password.get(path).status_code in {200, 303}, path
        assert httpx.post(url + RUN).status_code == 401
        assert password.post(RUN, data={"reason": "x"}).status_code == 401
        answer = password.post("/api/models/digits/runs")
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        password.post("/login", data={"token": TOKEN, "name": "ada", "onward": "/"})
        token = re.search(r'name="form_token" value="([^"]+)"', password.get(MODEL).text)
        assert token is not None
        assert waiting_requests(home) == []
        answer = password.post(RUN, data={"form_token": token[1], "reason": "a test"})
        assert answer.status_code == 303
    assert [each.who for each in waiting_requests(home)] == ["ada (desk)"]


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


def test_an_empty_token_file_opens_nothing(desk: str, home: Home) -> None:
    """An empty token is none."""
    home.desk_token.write_text("", "utf-8")
    client = Operator(desk, None).http
    answer = client.post("/login", data={"token": "", "name": "ada", "onward": "/"})
    assert answer.status_code == 409
    assert "is empty. Remove it to get a new one." in answer.text
    answer = client.post("/api/models/digits/runs", headers={"Authorization": "Bearer"})
    assert (answer.status_code, answer.json()["error"][:14]) == (422, "The token file")


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
