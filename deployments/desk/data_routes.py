"""The desk's data browser: the images of a run, small versions of them, and proposals about them.

Images are named by their row in the run's inventory or by their SHA-256, never by a path.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qsl, urlencode

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from deployments.desk.data_views import Browser, view_query
from deployments.desk.form_guard import OwnForm, require_own_form
from deployments.desk.placeholder import draw_placeholder
from tasks.errors import UsageError
from tasks.monitoring.image_filter import read_filter
from tasks.monitoring.proposal_manifest import write_manifest, write_proposals
from tasks.monitoring.proposals import list_proposals, propose, withdraw_proposals
from tasks.monitoring.thumbnails_kept import LARGE, THUMBNAIL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tasks.runs.summary import RunSummary
    from tasks.storage.home import Home

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    # With `no-referrer` browsers would not say where a form comes from.
    "Referrer-Policy": "same-origin",
}
# A page of images is looked at again on the way back from one of them.
IMAGE_HEADERS = {"Cache-Control": "private, max-age=300"}
SIDES = {"thumbnail": THUMBNAIL, "large": LARGE}
SEE_OTHER = 303
# Python reads no number of thousands of digits.
WHOLE = re.compile("[0-9]{1,12}")
# Hexadecimal digits; no row has so many.
SHA256_LENGTH = 64


def add_data_browser(
    app: FastAPI,
    home: Home,
    find_run: Callable[[str], RunSummary],
    render: Callable[..., str],
) -> None:
    """Add the pages of the data browser to the desk.

    Args:
        app: changed.
        home: of any model.
        find_run: returns the summary of a run; raises HTTPException if there is none.
        render: returns the page of a template with values.
    """
    browser = Browser(home, find_run)
    app.state.read_images = browser.read_ahead

    def page_of(template: str, **values: object) -> Response:
        return HTMLResponse(render(template, **values), headers=PAGE_HEADERS)

    @app.exception_handler(UsageError)
    def show_wrong_use(request: Request, error: UsageError) -> Response:  # noqa: ARG001 - FastAPI's signature
        return HTMLResponse(
            render("problem", status=422, message=str(error)), 422, headers=PAGE_HEADERS
        )

    _add_images(app, browser, page_of)
    _add_files(app, browser)
    _add_proposals(app, browser, page_of)
    _add_manifests(app, browser)


def _add_images(app: FastAPI, browser: Browser, page_of: Callable[..., Response]) -> None:
    @app.get("/runs/{run_id}/images", response_class=HTMLResponse)
    def show_images(run_id: str, request: Request) -> Response:
        query = dict(request.query_params)
        found = browser.page(run_id, read_filter(query), query.get("page", ""))
        return page_of("images", who=browser.who(request), **found)

    @app.get("/runs/{run_id}/images/{name}", response_class=HTMLResponse)
    def show_image(run_id: str, name: str, request: Request) -> Response:
        if len(name) == SHA256_LENGTH:
            return RedirectResponse(f"/runs/{run_id}/images/{browser.row_of(run_id, name)}")
        asked = read_filter(dict(request.query_params))
        found = browser.image(run_id, browser.shown(run_id, [name])[0].row, asked)
        return page_of("image", who=browser.who(request), **found)


def _add_files(app: FastAPI, browser: Browser) -> None:
    @app.get("/runs/{run_id}/images/{name}/{size}")
    def give_image(run_id: str, name: str, size: str) -> Response:
        if size not in SIDES:
            raise HTTPException(404, f"An image has no {size}.")
        drawn = browser.draw(run_id, browser.shown(run_id, [name])[0].row, SIDES[size])
        if drawn.webp:
            return Response(drawn.webp, media_type="image/webp", headers=IMAGE_HEADERS)
        # With status 200, as browsers show no other image.
        return Response(draw_placeholder(drawn.problem), media_type="image/svg+xml")


def _add_proposals(app: FastAPI, browser: Browser, page_of: Callable[..., Response]) -> None:
    @app.get("/runs/{run_id}/proposals", response_class=HTMLResponse)
    def show_proposals(run_id: str) -> Response:
        return page_of("proposals", **browser.proposals(run_id))

    @app.post("/runs/{run_id}/proposals")
    def add_proposals(run_id: str, form: Annotated[OwnForm, Depends(require_own_form)]) -> Response:
        rows = form.all("shown") if form.get("every") else form.all("row")
        images = browser.shown(run_id, rows)
        propose(
            browser.home,
            run_id,
            images,
            proposal=form.get("proposal"),
            label=form.get("label"),
            who=form.get("who"),
            reason=form.get("reason"),
        )
        return RedirectResponse(_way_back(run_id, form.get("view")), SEE_OTHER)

    @app.post("/runs/{run_id}/proposals/withdraw")
    def withdraw(run_id: str, form: Annotated[OwnForm, Depends(require_own_form)]) -> Response:
        rows = [image.row for image in browser.shown(run_id, form.all("row"))]
        withdraw_proposals(browser.home, run_id, rows)
        return RedirectResponse(f"/runs/{run_id}/proposals", SEE_OTHER)


def _add_manifests(app: FastAPI, browser: Browser) -> None:
    def headers(run_id: str, name: str) -> Mapping[str, str]:
        return {"Content-Disposition": f'attachment; filename="{name}-{run_id}.csv"'}

    @app.get("/runs/{run_id}/proposals.csv")
    def give_proposals(run_id: str) -> Response:
        browser.images(run_id)
        text = write_proposals(list_proposals(browser.home, run_id))
        return Response(text, media_type="text/csv", headers=headers(run_id, "proposals"))

    @app.get("/runs/{run_id}/manifest.csv")
    def give_manifest(run_id: str) -> Response:
        parts = write_manifest(browser.images(run_id), list_proposals(browser.home, run_id))
        return StreamingResponse(parts, media_type="text/csv", headers=headers(run_id, "manifest"))


def _way_back(run_id: str, view: str) -> str:
    """Return the address of the page that a form was on; only its filter is taken from the form."""
    query = dict(parse_qsl(view))
    page = query.get("page", "")
    kept = view_query(read_filter(query), int(page) if WHOLE.fullmatch(page) else 1)
    row = query.get("row", "")
    one = f"/{int(row)}" if WHOLE.fullmatch(row) else ""
    return f"/runs/{run_id}/images{one}?{urlencode({**kept, 'done': '1'})}"
