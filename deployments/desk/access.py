"""Who may see the desk: this machine alone, or whoever knows the token."""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import TYPE_CHECKING

from fastapi.responses import PlainTextResponse, Response
from starlette.middleware.trustedhost import TrustedHostMiddleware

from deployments.desk.attempts import Attempts, address_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import FastAPI, Request

LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Of testing and of health checks by containers, which know no token.
OPEN = ("/healthz",)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # With "no-referrer" browsers would not say either which page sent a form.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def guard(app: FastAPI, token: str | None) -> None:
    """Let an application answer only those who may ask.

    Args:
        app: changed.
        token: the password of HTTP's basic authentication, with any user; None asks for none, and
            answers only requests that name this machine, so that no page of another site can ask.
    """
    attempts: Attempts = app.state.attempts
    if token is None:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK, "[::1]"])

    @app.middleware("http")
    async def ask_for_token(
        request: Request, answer: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        refusal = None
        if token is not None and request.url.path not in OPEN:
            refusal = _refusal(request, token, attempts)
        if refusal is not None:
            return refusal
        response = await answer(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response


def _refusal(request: Request, token: str, attempts: Attempts) -> Response | None:
    """Return the answer to somebody who doesn't know the token; None for who does."""
    address = address_of(request)
    if attempts.are_too_many(address):
        return PlainTextResponse(attempts.message + "\n", 429, attempts.headers)
    if _knows(request, token):
        return None
    # A browser asks once without, to learn that there is a password.
    if "authorization" in request.headers:
        attempts.count(address)
    return PlainTextResponse(
        "The desk asks for its token as password.\n",
        401,
        {"WWW-Authenticate": 'Basic realm="Pixelgate", charset="UTF-8"'},
    )


def _knows(request: Request, token: str) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return secrets.compare_digest(given.encode(), token.encode())
    try:
        _, _, password = base64.b64decode(given, validate=True).partition(b":")
    except binascii.Error:
        return False
    return scheme.lower() == "basic" and secrets.compare_digest(password, token.encode())
