"""Read models go in; the pages of a model, of a version, and of two side by side come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import HTTPException

from deployments.desk.charts import model_charts
from tasks.errors import PixelgateError, UsageError
from tasks.monitoring.decisions import decisions_of, in_production_at
from tasks.monitoring.model_trends import trends_of
from tasks.monitoring.version_evidence import diff_of, origin_of
from tasks.monitoring.version_table import versions_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployments.desk.rendering import Templates
    from tasks.monitoring.model_status import ModelStatus
    from tasks.runs.summary import RunSummary
    from tasks.storage.home import Home

FLIPS_SHOWN = 100


class ModelPages:
    """The pages of the models of one home.

    Args:
        home: of any of its models.
        templates: they are made of.
    """

    def __init__(self, home: Home, templates: Templates) -> None:
        self._home, self._templates = home, templates

    def model(self, status: ModelStatus, runs: Sequence[RunSummary], *, at: str) -> str:
        """Return the page of a model: trends, versions, decisions, what was in production when."""
        home = self._home.renamed(status.name)
        answer, problem, decisions, versions = [], "", [], []
        try:
            versions = versions_of(home, runs)
            decisions = decisions_of(home)
            answer = in_production_at(home, at) if at else []
        except PixelgateError as error:
            problem = str(error)
        return self._templates.render(
            "model",
            status=status,
            charts=model_charts(trends_of(runs)),
            versions=versions,
            decisions=decisions,
            at=at,
            answer=answer,
            problem=problem,
        )

    def version(self, name: str, runs: Sequence[RunSummary], version: str) -> str:
        """Return the page of a version: when it was in production, and what it was made of.

        Raises:
            HTTPException: neither runs nor ledger nor registry know it.
        """
        home = self._home.renamed(name)
        origin, problem, line = None, "", None
        try:
            line = next((each for each in versions_of(home, runs) if each.version == version), None)
            origin = origin_of(home, runs, version)
        except PixelgateError as error:
            problem = str(error)
            # A version that was removed is still known to runs and ledger.
            if line is None and isinstance(error, UsageError):
                raise HTTPException(404, problem) from None
        return self._templates.render(
            "version", name=name, version=version, line=line, origin=origin, problem=problem
        )

    def diff(self, name: str, runs: Sequence[RunSummary], a: str, b: str) -> str:
        """Return the page of two versions side by side.

        Raises:
            HTTPException: there is no such version.
        """
        result, problem = None, ""
        try:
            result = diff_of(self._home.renamed(name), runs, a, b)
        except PixelgateError as error:
            problem = str(error)
            if isinstance(error, UsageError) and not self._are_known(name, runs, {a, b}):
                raise HTTPException(404, problem) from None
        return self._templates.render(
            "diff", name=name, a=a, b=b, diff=result, problem=problem, most=FLIPS_SHOWN
        )

    def _are_known(self, name: str, runs: Sequence[RunSummary], versions: set[str]) -> bool:
        """Return whether runs or ledger know all of these versions, wherever their files are."""
        known = {each.version for each in versions_of(self._home.renamed(name), runs)}
        return versions <= known
