"""The addresses of the desk's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from deployments.desk.html_answer import html
from deployments.desk.run_history import history_page
from tasks.monitoring.live_progress import is_live
from tasks.monitoring.run_selection import RunSelection

if TYPE_CHECKING:
    from deployments.desk.desk_state import Desk
    from deployments.desk.model_pages import ModelPages
    from deployments.desk.pages import Pages


def page_router(desk: Desk, pages: Pages, model_pages: ModelPages) -> APIRouter:
    """Return the routes of all pages."""
    router = APIRouter(default_response_class=HTMLResponse)
    _add_runs(router, desk, pages)
    _add_models(router, desk, model_pages)

    @router.get("/")
    def show_models() -> Response:
        return html(pages.models(desk.statuses(), desk.index))

    return router


def _add_runs(router: APIRouter, desk: Desk, pages: Pages) -> None:
    @router.get("/runs")
    def show_runs(  # noqa: PLR0913, PLR0917 - each is a field of the form
        model: str = "",
        outcome: str = "",
        rule: str = "",
        since: str = "",
        until: str = "",
        text: str = "",
        sort: str = "run",
        order: Literal["asc", "desc"] = "desc",
        page: Annotated[int, Query(ge=1)] = 1,
    ) -> Response:
        selection = RunSelection(model, outcome, rule, since, until, text)
        found = history_page(desk.index.summaries(), selection, sort=sort, order=order, number=page)
        return html(pages.runs(found))

    @router.get("/runs/{run_id}")
    def show_run(run_id: str) -> Response:
        run = desk.run(run_id)
        return html(pages.run(run, is_live=is_live(desk.index, run)))


def _add_models(router: APIRouter, desk: Desk, pages: ModelPages) -> None:
    @router.get("/models/{name}")
    def show_model(name: str, at: str = "") -> Response:
        return html(pages.model(*desk.status(name), at=at))

    @router.get("/models/{name}/versions/{version}")
    def show_version(name: str, version: str) -> Response:
        return html(pages.version(name, desk.status(name)[1], version))

    @router.get("/models/{name}/diff")
    def show_diff(name: str, a: str, b: str) -> Response:
        return html(pages.diff(name, desk.status(name)[1], a, b))
