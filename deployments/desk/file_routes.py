"""The addresses of files: a run's evidence, and the script that draws charts."""

from __future__ import annotations

import functools
import gzip
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, Response

from deployments.desk.rendering import PLOTLY
from tasks.monitoring.run_files import find_run_file

if TYPE_CHECKING:
    from deployments.desk.desk_state import Desk

# Reports have their style and pictures within; the Data Docs of Great Expectations need scripts,
# and so they are kept apart from everything else here.
EVIDENCE = "sandbox; default-src 'none'; style-src 'unsafe-inline' 'self'; img-src data: 'self'"
DATA_DOCS = "sandbox allow-scripts; default-src 'self' https: data: 'unsafe-inline'"
# Its address has the version, so that a new one is asked for anew.
FOR_A_YEAR = "public, max-age=31536000, immutable"


def file_router(desk: Desk) -> APIRouter:
    """Return the routes of files."""
    router = APIRouter()

    @router.get("/runs/{run_id}/files/{name:path}")
    def show_file(run_id: str, name: str) -> Response:
        file = find_run_file(desk.run(run_id), name)
        if file is None:
            raise HTTPException(404, f"Run {run_id} has no page {name}.")
        policy = DATA_DOCS if "/gx/" in f"/{name}" else EVIDENCE
        return FileResponse(file, headers={"Content-Security-Policy": policy})

    @router.get(f"/vendor/plotly-{PLOTLY}.min.js")
    def give_plotly(request: Request) -> Response:
        headers = {"Cache-Control": FOR_A_YEAR, "Vary": "Accept-Encoding"}
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return FileResponse(_plotly_file(), media_type="text/javascript", headers=headers)
        headers["Content-Encoding"] = "gzip"
        return Response(_packed_plotly(), media_type="text/javascript", headers=headers)

    return router


@functools.cache
def _packed_plotly() -> bytes:
    """Return the script packed: a third of its 5 MB, which a phone would load for seconds."""
    return gzip.compress(_plotly_file().read_bytes(), 6)


def _plotly_file() -> Path:
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise HTTPException(404, "The package plotly is not installed.")
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"
