"""A run goes in; links to what other servers show of it come out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from tasks.errors import PixelgateError
from tasks.runs.run_folder import CONFIG, FACTS, REGISTRATION
from tasks.storage.atomic import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.runs.summary import RunSummary

PREFECT, MLFLOW = "PREFECT_UI_URL", "MLFLOW_UI_URL"


@dataclass(frozen=True)
class RunLink:
    """What another server shows of a run.

    Attributes:
        server: Prefect or MLflow.
        id: of the run there.
        url: of its page; None if the address of the server's pages isn't known.
    """

    server: str
    id: str
    url: str | None


def links_of(run: RunSummary, environment: Mapping[str, str]) -> list[RunLink]:
    """Return the runs of Prefect and MLflow that belong to a run.

    Args:
        run: its folder names them.
        environment: PREFECT_UI_URL, as Prefect has it, and MLFLOW_UI_URL; the latter is needed for
            the store in the home alone, as a server's address is part of the settings.
    """
    links = []
    flow_run = _read(run, FACTS).get("prefect_flow_run")
    if flow_run:
        pages = _pages(environment.get(PREFECT))
        links.append(_link("Prefect", str(flow_run), pages, "/runs/flow-run/"))
    mlflow_run = _read(run, REGISTRATION).get("mlflow_run")
    if mlflow_run:
        registry = _read(run, CONFIG).get("registry") or {}
        pages = _pages(environment.get(MLFLOW)) or _pages(registry.get("tracking_uri"))
        links.append(_link("MLflow", str(mlflow_run), pages, "/#/runs/"))
    return links


def _link(server: str, run_id: str, pages: str | None, path: str) -> RunLink:
    return RunLink(server, run_id, pages and f"{pages}{path}{quote(run_id, safe='')}")


def _pages(url: str | None) -> str | None:
    parts = urlsplit(url or "")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    # Without a user and password, which have no place in a page.
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")


def _read(run: RunSummary, name: str) -> dict[str, Any]:
    try:
        plain = read_json(run.directory / name)
    except (OSError, ValueError, PixelgateError):
        return {}
    return plain if isinstance(plain, dict) else {}
