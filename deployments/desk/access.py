"""Who may see the desk: this machine alone, or whoever knows the token."""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import TYPE_CHECKING

from fastapi import Request
from fastapi.responses import PlainTextResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.middleware.trustedhost import TrustedHostMiddleware

from deployments.desk.attempts import address_of

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from deployments.desk.attempts import Attempts

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
    if token is None:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK, "[::1]"])
    app.add_middleware(Access, token=token, attempts=app.state.attempts)


class Access:
    """Answers those who know the token, with the headers that every answer has.

    Args:
        app: answers them.
        token: see `guard`.
        attempts: those that failed.
    """

    # No function for `app.middleware`: those stand between an answer that goes on for long and the
    # one who reads it.
    def __init__(self, app: ASGIApp, *, token: str | None, attempts: Attempts) -> None:
        self._app, self._token, self._attempts = app, token, attempts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = None
        if self._token is not None and scope["path"] not in OPEN:
            refusal = _refusal(Request(scope), self._token, self._attempts)
        await (refusal or self._app)(scope, receive, send_with_headers)


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
