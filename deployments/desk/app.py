"""The desk: a home goes in; a FastAPI application comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException as StarletteProblem

from deployments.desk.access import guard
from deployments.desk.action_routes import add_actions
from deployments.desk.attempts import Attempts
from deployments.desk.data_routes import add_data_browser
from deployments.desk.desk_state import Desk
from deployments.desk.event_routes import event_router
from deployments.desk.file_routes import file_router
from deployments.desk.head_requests import HeadRequests
from deployments.desk.html_answer import html
from deployments.desk.model_pages import ModelPages
from deployments.desk.page_routes import page_router
from deployments.desk.pages import Pages
from deployments.desk.prometheus import render_metrics
from deployments.desk.rendering import Templates
from tasks.monitoring.plain_status import plain_status

if TYPE_CHECKING:
    from tasks.storage.home import Home


def create_app(
    home: Home, *, late_after_hours: float | None = None, token: str | None = None
) -> FastAPI:
    """Return the application.

    Args:
        home: of any model; all models of its root are shown.
        late_after_hours: a model whose last run is older needs attention; None for any age.
        token: the password that is asked for; None asks for none and answers this machine only.
    """
    app = FastAPI(title="Pixelgate", docs_url=None, redoc_url=None, openapi_url=None)
    desk, templates = Desk(home, late_after_hours=late_after_hours), Templates()
    pages = Pages(home, templates)
    app.state.attempts, app.state.index = Attempts(), desk.index
    guard(app, token)
    app.mount("/static", StaticFiles(packages=[("deployments.desk", "static")]), name="static")
    app.include_router(page_router(desk, pages, ModelPages(home, templates)))
    app.include_router(file_router(desk))
    app.include_router(event_router(desk))
    _add_data(app, desk)
    add_actions(app, desk, templates, answer=html, token=token)
    add_data_browser(app, home, desk.run, templates.render)

    _add_problems(app, pages)
    app.add_middleware(HeadRequests)
    return app


def _add_problems(app: FastAPI, pages: Pages) -> None:
    def say(request: Request, status: int, message: str) -> Response:
        if request.url.path.startswith("/api/"):
            return JSONResponse({"error": message}, status)
        return html(pages.problem(status, message), status)

    # Starlette's, as addresses that are none raise it; FastAPI's is one of them.
    @app.exception_handler(StarletteProblem)
    def show_problem(request: Request, problem: StarletteProblem) -> Response:
        answer = say(request, problem.status_code, str(problem.detail))
        answer.headers.update(problem.headers or {})
        return answer

    @app.exception_handler(RequestValidationError)
    def show_wrong_value(request: Request, problem: RequestValidationError) -> Response:
        first = problem.errors()[0]
        return say(request, 422, f"{first['loc'][-1]}: {first['msg']}.")


def _add_data(app: FastAPI, desk: Desk) -> None:
    @app.get("/api/status")
    def give_status() -> Response:
        return JSONResponse([plain_status(each) for each in desk.statuses()])

    @app.get("/metrics")
    def give_metrics() -> Response:
        return PlainTextResponse(render_metrics(desk.statuses(), desk.home, desk.index.summaries()))

    @app.get("/favicon.ico")
    def give_icon() -> Response:
        # Browsers ask for it on pages that name no icon, as reports don't.
        return RedirectResponse("/static/icon.svg")

    @app.get("/healthz")
    def give_health() -> dict[str, str]:
        return {"status": "ok"}
