"""Who may see the desk: this machine alone, or whoever knows the token."""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import TYPE_CHECKING

from fastapi.responses import PlainTextResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import FastAPI, Request, Response

LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Of testing and of health checks by containers, which know no token.
OPEN = ("/healthz",)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
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

    @app.middleware("http")
    async def ask_for_token(
        request: Request, answer: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        if token is not None and request.url.path not in OPEN and not _knows(request, token):
            return PlainTextResponse(
                "The desk asks for its token as password.\n",
                401,
                {"WWW-Authenticate": 'Basic realm="Pixelgate", charset="UTF-8"'},
            )
        response = await answer(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response


def _knows(request: Request, token: str) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return secrets.compare_digest(given.encode(), token.encode())
    try:
        _, _, password = base64.b64decode(given, validate=True).partition(b":")
    except binascii.Error:
        return False
    return scheme.lower() == "basic" and secrets.compare_digest(password, token.encode())
