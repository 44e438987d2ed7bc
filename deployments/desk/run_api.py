"""Runs for programs: a request with the desk's token goes in; a run that waits comes out."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from deployments.desk.attempts import address_of
from deployments.desk.csrf import read_body
from tasks.errors import PixelgateError, UsageError
from tasks.monitoring.actions import Decider, run_now
from tasks.monitoring.run_requests import waiting_requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from deployments.desk.sessions import Sessions
    from tasks.monitoring.run_requests import RunRequest
    from tasks.storage.home import Home

WHO, WHY = "a program", "asked for by a program"

log = logging.getLogger("pixelgate")


def add_run_api(
    app: FastAPI, home: Home, sessions: Sessions, *, is_known: Callable[[str], bool]
) -> None:
    """Let programs ask for runs, and which ones wait.

    Args:
        app: changed.
        home: of any model.
        sessions: know the token.
        is_known: whether there is a model of that name.
    """

    @app.post("/api/models/{name}/runs")
    async def ask_for_run(request: Request, name: str) -> Response:
        try:
            _require_bearer(request, sessions)
            _require_model(name, is_known)
            decider = _decider(await read_body(request))
            asked, is_new = await run_in_threadpool(run_now, home.renamed(name), decider)
        except Exception as error:  # noqa: BLE001 - a program gets JSON, whatever happens
            return _refuse(error)
        return JSONResponse(_plain(asked) | {"new": is_new}, 202)

    @app.get("/api/models/{name}/requests")
    def list_requests(name: str) -> Response:
        try:
            _require_model(name, is_known)
        except HTTPException as problem:
            return _refuse(problem)
        return JSONResponse([_plain(each) for each in waiting_requests(home) if each.model == name])


def _require_model(name: str, is_known: Callable[[str], bool]) -> None:
    if not is_known(name):
        raise HTTPException(404, f"There is no model named {name}.")


def _require_bearer(request: Request, sessions: Sessions) -> None:
    """Check the token; a password that a browser remembers is none, as other sites can use it."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        needed = {"WWW-Authenticate": "Bearer"}
        raise HTTPException(401, "Send the desk's token: Authorization: Bearer TOKEN.", needed)
    sessions.require_token(given.strip(), address_of(request))


def _decider(body: bytes) -> Decider:
    try:
        content: Any = json.loads(body) if body.strip() else {}
    except ValueError:
        raise HTTPException(400, "The body is no JSON.") from None
    if not isinstance(content, dict) or not set(content) <= {"who", "reason"}:
        raise HTTPException(422, "Expected a JSON object with who and reason, both optional.")
    who, why = content.get("who", WHO), content.get("reason", WHY)
    if not isinstance(who, str) or not isinstance(why, str):
        raise HTTPException(422, "Expected who and reason as text.")
    # As at the desk: never named like a run, nor like a user of the machine.
    return Decider(f"{' '.join(who.split()) or WHO} (API)", " ".join(why.split()))


def _plain(request: RunRequest) -> dict[str, Any]:
    return {
        "id": request.id,
        "model": request.model,
        "who": request.who,
        "reason": request.reason,
        "asked": request.asked.isoformat(),
    }


def _refuse(error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)
    if isinstance(error, PixelgateError):
        return JSONResponse({"error": str(error)}, 422 if isinstance(error, UsageError) else 409)
    log.error("a run could not be asked for", exc_info=error)
    words = f"{type(error).__name__}: {error}".splitlines()[0]
    return JSONResponse({"error": f"The run could not be asked for: {words}"}, 503)
