"""A page goes in; an answer that tells the browser what the page may do comes out."""

from __future__ import annotations

from fastapi.responses import HTMLResponse, Response

# Scripts are files of our own, never part of a page, so that what a file name or a label holds is
# never run. The charts' script sets styles by its own calls, which this policy lets it do.
OWN_PAGES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def html(page: str, status: int = 200) -> Response:
    """Return the answer of one of our own pages."""
    return HTMLResponse(page, status, headers={"Content-Security-Policy": OWN_PAGES})
