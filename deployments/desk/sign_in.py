"""Signing in and out: the desk's token and a name go in; a cookie comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi import HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from deployments.desk.attempts import address_of
from deployments.desk.csrf import (
    SignInNeededError,
    read_fields,
    require_form_token,
    require_same_origin,
)
from deployments.desk.sessions import CURRENT, PAGE, SESSION_SECONDS, Sessions
from tasks.errors import PixelgateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI
    from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE = "pixelgate_desk"


def add_sign_in(
    app: FastAPI,
    sessions: Sessions,
    *,
    render: Callable[..., str],
    answer: Callable[..., Response],
) -> None:
    """Let an application know who has signed in.

    Args:
        app: changed.
        sessions: of the desk.
        render: returns a page by the name of its template.
        answer: makes an answer of it.
    """
    app.add_middleware(WhoAsks, sessions=sessions)

    def ask(status: int, problem: str, onward: str) -> Response:
        return answer(render("login", problem=problem, onward=onward), status)

    @app.exception_handler(SignInNeededError)
    def ask_who(request: Request, problem: SignInNeededError) -> Response:
        return ask(problem.status_code, str(problem.detail), _back_to(request))

    _add_addresses(app, sessions, ask)


class WhoAsks:
    """Finds the session of a request by its cookie, for whatever answers it.

    Args:
        app: answers requests.
        sessions: of the desk.
    """

    def __init__(self, app: ASGIApp, *, sessions: Sessions) -> None:
        self._app, self._sessions = app, sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request be answered."""
        if scope["type"] == "http":
            request = Request(scope)
            CURRENT.set(self._sessions.find(request.cookies.get(COOKIE, "")))
            PAGE.set(request.url.path)
        await self._app(scope, receive, send)


def _add_addresses(
    app: FastAPI, sessions: Sessions, ask: Callable[[int, str, str], Response]
) -> None:
    @app.get("/login")
    def show_form(onward: str = "/") -> Response:
        return ask(200, "", onward)

    @app.post("/login")
    async def sign_in(request: Request) -> Response:
        require_same_origin(request)
        fields = {name: values[0] for name, values in (await read_fields(request)).items()}
        token, name, onward = (fields.get(key, "") for key in ("token", "name", "onward"))
        try:
            secret = sessions.sign_in(token.strip(), name, address_of(request))
        except HTTPException as problem:
            return ask(problem.status_code, str(problem.detail), onward)
        except PixelgateError as problem:
            return ask(409, str(problem), onward)
        response = RedirectResponse(_local(onward), 303)
        response.set_cookie(
            COOKIE,
            secret,
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    @app.post("/logout")
    async def sign_out(request: Request) -> Response:
        await require_form_token(request)
        sessions.sign_out(request.cookies.get(COOKIE, ""))
        response = RedirectResponse("/", 303)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response


def require_session(request: Request) -> Response:
    """Return the way to the sign-in, and from there back to the page that was asked for."""
    onward = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/login?onward={quote(onward, safe='')}", 303)


def _back_to(request: Request) -> str:
    """Return the page that belongs to the address of a form: that of its model or run."""
    parts = request.url.path.split("/")
    return "/".join(parts[:3]) if parts[1] in {"models", "runs"} else "/"


def _local(onward: str) -> str:
    """Return a path of this desk; anything that could lead elsewhere leads to the first page."""
    is_path = onward.startswith("/") and not onward.startswith(("//", "/\\"))
    return onward if is_path and onward.isprintable() else "/"
