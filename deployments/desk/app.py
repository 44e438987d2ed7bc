"""The desk's pages: a home goes in; a FastAPI application comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from fastapi.staticfiles import StaticFiles

from deployments.desk.access import guard
from deployments.desk.action_routes import add_actions
from deployments.desk.attempts import Attempts
from deployments.desk.data_routes import add_data_browser
from deployments.desk.pages import PER_PAGE, Pages
from deployments.desk.prometheus import render_metrics
from tasks.monitoring.model_status import model_statuses, status_of
from tasks.monitoring.plain_status import plain_status
from tasks.monitoring.run_files import find_run_file
from tasks.monitoring.run_index import RunIndex

if TYPE_CHECKING:
    from tasks.monitoring.model_status import ModelStatus
    from tasks.runs.summary import RunSummary
    from tasks.storage.home import Home

# Our own pages hold no script at all. Reports have their style and pictures within; the Data Docs
# of Great Expectations need scripts, and so they are kept apart from everything else here.
OWN_PAGES = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
EVIDENCE = "sandbox; default-src 'none'; style-src 'unsafe-inline' 'self'; img-src data: 'self'"
DATA_DOCS = "sandbox allow-scripts; default-src 'self' https: data: 'unsafe-inline'"


class Desk:
    """What the pages of one home show.

    Args:
        home: of any of its models.
        late_after_hours: a model whose last run is older needs attention; None for any age.
    """

    def __init__(self, home: Home, *, late_after_hours: float | None) -> None:
        self.home, self._late = home, late_after_hours
        self.index = RunIndex(home)

    def statuses(self) -> list[ModelStatus]:
        """Return the status of every model."""
        return model_statuses(self.home, self.index.summaries(), late_after_hours=self._late)

    def status(self, name: str) -> tuple[ModelStatus, list[RunSummary]]:
        """Return the status of one model and its runs, the newest first.

        Raises:
            HTTPException: there is no such model.
        """
        if name not in {each.name for each in self.statuses()}:
            raise HTTPException(404, f"There is no model named {name}.")
        runs = self.index.of(name)
        return status_of(self.home.renamed(name), runs, late_after_hours=self._late), runs

    def run(self, run_id: str) -> RunSummary:
        """Return the summary of a run.

        Raises:
            HTTPException: there is no such run.
        """
        found = self.index.find(run_id)
        if found is None:
            raise HTTPException(404, f"There is no run {run_id}.")
        return found


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
    desk, pages = Desk(home, late_after_hours=late_after_hours), Pages(home)
    app.state.attempts = Attempts()
    app.state.index = desk.index
    guard(app, token)
    app.mount("/static", StaticFiles(packages=[("deployments.desk", "static")]), name="static")
    _add_pages(app, desk, pages)
    _add_data(app, desk)
    add_actions(app, desk, pages, answer=_html, token=token)
    add_data_browser(app, home, desk.run, pages.render)

    @app.exception_handler(HTTPException)
    def show_problem(request: Request, problem: HTTPException) -> Response:  # noqa: ARG001 - FastAPI's signature
        return _html(pages.problem(problem.status_code, str(problem.detail)), problem.status_code)

    return app


def _add_pages(app: FastAPI, desk: Desk, pages: Pages) -> None:
    @app.get("/", response_class=HTMLResponse)
    def show_models() -> Response:
        return _html(pages.models(desk.statuses(), desk.index))

    @app.get("/models/{name}", response_class=HTMLResponse)
    def show_model(name: str, at: str = "") -> Response:
        return _html(pages.model(*desk.status(name), at=at))

    @app.get("/runs", response_class=HTMLResponse)
    def show_runs(
        model: str = "",
        outcome: str = "",
        page: Annotated[int, Query(ge=1)] = 1,
    ) -> Response:
        runs = [
            each
            for each in desk.index.summaries()
            if model in ("", each.name) and outcome in ("", each.outcome)
        ]
        shown = runs[(page - 1) * PER_PAGE : page * PER_PAGE]
        names = [each.name for each in desk.statuses()]
        chosen = {"model": model, "outcome": outcome}
        return _html(pages.runs(shown, len(runs), page, names=names, chosen=chosen))

    @app.get("/runs/{run_id}", response_class=HTMLResponse)
    def show_run(run_id: str) -> Response:
        return _html(pages.run(desk.run(run_id)))

    @app.get("/runs/{run_id}/files/{name:path}")
    def show_file(run_id: str, name: str) -> Response:
        file = find_run_file(desk.run(run_id), name)
        if file is None:
            raise HTTPException(404, f"Run {run_id} has no page {name}.")
        policy = DATA_DOCS if "/gx/" in f"/{name}" else EVIDENCE
        return FileResponse(file, headers={"Content-Security-Policy": policy})


def _add_data(app: FastAPI, desk: Desk) -> None:
    @app.get("/api/status")
    def give_status() -> Response:
        return JSONResponse([plain_status(each) for each in desk.statuses()])

    @app.get("/metrics")
    def give_metrics() -> Response:
        return PlainTextResponse(render_metrics(desk.statuses()))

    @app.get("/favicon.ico")
    def give_icon() -> Response:
        # Browsers ask for it on pages that name no icon, as reports don't.
        return RedirectResponse("/static/icon.svg")

    @app.get("/healthz")
    def give_health() -> dict[str, str]:
        return {"status": "ok"}


def _html(page: str, status: int = 200) -> Response:
    return HTMLResponse(page, status, headers={"Content-Security-Policy": OWN_PAGES})
