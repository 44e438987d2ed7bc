"""Who is let in at the desk: signing in and out, its cookie, sessions, and guessers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi import HTTPException
from fastapi.testclient import TestClient

from deployments.desk.app import create_app
from deployments.desk.attempts import LIMIT, SECONDS, Attempts
from deployments.desk.sessions import SESSION_SECONDS, Sessions
from tasks.monitoring.run_requests import waiting_requests
from tests.desk_people import TOKEN, Operator, served_desk
from tests.digits_desk import MODEL, RUN, form_of, home_of_digits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tasks.storage.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return a home of one model with a champion."""
    return home_of_digits(tmp_path / "home")


@pytest.fixture
def desk(home: Home) -> Iterator[str]:
    """Return the address of a desk on this machine."""
    with served_desk(home) as url:
        yield url


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


def test_an_empty_token_file_opens_nothing(desk: str, home: Home) -> None:
    """An empty token is none."""
    home.desk_token.write_text("", "utf-8")
    client = Operator(desk, None).http
    answer = client.post("/login", data={"token": "", "name": "ada", "onward": "/"})
    assert answer.status_code == 409
    assert "is empty. Remove it to get a new one." in answer.text
    answer = client.post("/api/models/digits/runs", headers={"Authorization": "Bearer"})
    assert (answer.status_code, answer.json()["error"][:14]) == (422, "The token file")
