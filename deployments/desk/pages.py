"""Read models go in; the first screen, the history of runs and the page of a run come out."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from deployments.desk.charts import accuracy_chart, confusion_chart, curve_charts
from tasks.monitoring.alarm_list import alarms_on_screen
from tasks.monitoring.live_progress import progress_of
from tasks.monitoring.model_status import Health
from tasks.monitoring.model_trends import trends_of
from tasks.monitoring.run_evidence import confusion_of, curves_of, gallery_of, measures_of
from tasks.monitoring.run_files import pages_of
from tasks.monitoring.run_links import links_of
from tasks.monitoring.run_selection import SORTS
from tasks.monitoring.waiting import waiting_for_a_person
from tasks.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployments.desk.rendering import Templates
    from deployments.desk.run_history import HistoryPage
    from tasks.monitoring.model_status import ModelStatus
    from tasks.monitoring.run_index import RunIndex
    from tasks.runs.summary import RunSummary
    from tasks.storage.home import Home

STRIP = 30
MISTAKES = 5
FINDINGS_FIRST = {"critical": 0, "warning": 1, "info": 2}


class Pages:
    """The pages of one home, but for those of its models.

    Args:
        home: of any of its models.
        templates: they are made of.
    """

    def __init__(self, home: Home, templates: Templates) -> None:
        self._home, self._templates = home, templates

    def models(self, statuses: Sequence[ModelStatus], index: RunIndex) -> str:
        """Return the first screen: each model in one sentence, with one action."""
        runs = index.by_model()
        charts = {
            status.name: accuracy_chart(trends_of(runs.get(status.name, []), most=STRIP))
            for status in statuses
        }
        # The worst first: that is what somebody looks for at night.
        order = sorted(statuses, key=lambda each: -list(Health).index(each.health))
        alarms, problem = alarms_on_screen(self._home, statuses)
        return self._templates.render(
            "models",
            statuses=order,
            charts=charts,
            alarms=alarms,
            problem=problem,
            waiting=waiting_for_a_person(statuses, index),
            now=datetime.now(UTC),
        )

    def runs(self, page: HistoryPage) -> str:
        """Return the history of runs."""
        chosen = asdict(page.selection)
        query = {name: value for name, value in chosen.items() if value}
        order = {"sort": page.sort, "order": page.order}

        def address(**others: object) -> str:
            return f"/runs?{urlencode({**query, **order, **others})}"

        links = {
            word: address(page=number)
            for word, number in (("newer", page.number - 1), ("older", page.number + 1))
            if 1 <= number <= page.last
        }
        # A second click turns the order round.
        turned = "asc" if page.order == "desc" else "desc"
        sorts = {by: address(sort=by, order=turned if by == page.sort else "desc") for by in SORTS}
        return self._templates.render(
            "runs",
            page=page,
            chosen=chosen,
            links=links,
            sorts=sorts,
            outcomes=[each.value for each in Outcome],
        )

    def run(self, run: RunSummary, *, is_live: bool) -> str:
        """Return the page of a run: both gates, training, evaluation, times and evidence."""
        findings = sorted(
            (each for each in run.gate if not each["success"]),
            key=lambda each: FINDINGS_FIRST.get(each["severity"], len(FINDINGS_FIRST)),
        )
        confusion = confusion_of(run)
        longest = max((stage.seconds for stage in run.stages), default=0.0)
        return self._templates.render(
            "run",
            run=run,
            headline=run.outcome.headline,
            message=self._home.stored(run.message),
            findings=findings,
            passed=len(run.gate) - len(findings),
            pages=pages_of(run),
            links=links_of(run, os.environ),
            longest=longest or 1.0,
            gallery=gallery_of(run),
            curves=curve_charts(curves_of(run)),
            confusion=confusion_chart(confusion),
            mistakes=confusion.mistakes[:MISTAKES] if confusion else [],
            measures=measures_of(run),
            is_live=is_live,
            progress=progress_of(run) if run.outcome is Outcome.UNFINISHED else [],
        )

    def problem(self, status: int, message: str) -> str:
        """Return the page of a request that can't be answered."""
        return self._templates.render("problem", status=status, message=message)
