"""Read models go in; HTML pages come out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from deployments.desk.charts import HEIGHT, WIDTH, Chart, draw_line
from tasks.errors import PixelgateError
from tasks.monitoring.decisions import decisions_of, in_production_at
from tasks.monitoring.model_status import Health
from tasks.monitoring.run_files import pages_of
from tasks.monitoring.status_words import percent, since, span
from tasks.monitoring.trends import failed_rules, trend_of
from tasks.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tasks.monitoring.model_status import ModelStatus
    from tasks.monitoring.run_index import RunIndex
    from tasks.monitoring.trends import TrendPoint
    from tasks.runs.summary import RunSummary
    from tasks.storage.home import Home

PER_PAGE = 50
FINDINGS_FIRST = {"critical": 0, "warning": 1, "info": 2}


class Pages:
    """The pages of one home.

    Args:
        home: of any of its models.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        # File names and labels come from the data, so everything is escaped.
        self._templates = Environment(
            loader=PackageLoader("deployments.desk", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals |= {"chart_width": WIDTH, "chart_height": HEIGHT}
        self._templates.filters |= {
            "percent": percent,
            "since": since,
            "span": span,
            "url": lambda text: quote(str(text), safe=""),
            "words": lambda outcome: str(outcome).replace("_", " "),
            "moment": _moment,
        }

    def models(self, statuses: Sequence[ModelStatus], index: RunIndex) -> str:
        """Return the first screen: each model in one sentence, with one action."""
        runs = index.summaries()
        charts = {
            status.name: _accuracy_chart(
                trend_of([run for run in runs if run.name == status.name], most=30)
            )
            for status in statuses
        }
        # The worst first: that is what somebody looks for at night.
        order = sorted(statuses, key=lambda each: -list(Health).index(each.health))
        return self.render("models", statuses=order, charts=charts, now=datetime.now(UTC))

    def model(self, status: ModelStatus, runs: Sequence[RunSummary], *, at: str) -> str:
        """Return the page of a model: trends, decisions, and what was in production when."""
        points = trend_of(runs)
        home = self._home.renamed(status.name)
        answer, problem = [], ""
        try:
            answer = in_production_at(home, at) if at else []
            decisions = decisions_of(home)
        except PixelgateError as error:
            problem, decisions = str(error), []
        charts = {
            "Accuracy on the test images, with its confidence interval": _accuracy_chart(points),
            "Images": _chart(points, [point.images for point in points], "{:,.0f} images"),
            "Duration": _chart(points, [point.seconds for point in points], "{:.0f} s"),
        }
        return self.render(
            "model",
            status=status,
            charts=charts,
            rules=failed_rules(runs),
            decisions=decisions,
            at=at,
            answer=answer,
            problem=problem,
        )

    def runs(
        self,
        shown: Sequence[RunSummary],
        count: int,
        page: int,
        *,
        names: Sequence[str],
        chosen: dict[str, str],
    ) -> str:
        """Return the history of runs."""
        last = max(1, -(-count // PER_PAGE))
        links = {
            word: f"/runs?{urlencode({**chosen, 'page': number})}"
            for word, number in (("newer", page - 1), ("older", page + 1))
            if 1 <= number <= last
        }
        return self.render(
            "runs",
            runs=shown,
            count=count,
            page=page,
            last=last,
            links=links,
            names=names,
            outcomes=[each.value for each in Outcome],
            chosen=chosen,
        )

    def run(self, run: RunSummary) -> str:
        """Return the page of a run: both gates, times, and links to its evidence."""
        findings = sorted(
            (each for each in run.gate if not each["success"]),
            key=lambda each: FINDINGS_FIRST.get(each["severity"], len(FINDINGS_FIRST)),
        )
        longest = max((stage.seconds for stage in run.stages), default=0.0)
        return self.render(
            "run",
            run=run,
            headline=run.outcome.headline,
            message=self._home.stored(run.message),
            findings=findings,
            passed=len(run.gate) - len(findings),
            pages=pages_of(run),
            longest=longest or 1.0,
        )

    def problem(self, status: int, message: str) -> str:
        """Return the page of a request that can't be answered."""
        return self.render("problem", status=status, message=message)

    def extend(self, **words: Any) -> Callable[..., str]:
        """Let all templates use more functions; return what renders a template by its name."""
        self._templates.globals |= words
        return self.render

    def render(self, name: str, **values: Any) -> str:
        """Return the page of a template."""
        return self._templates.get_template(f"{name}.html.j2").render(**values)


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""


def _accuracy_chart(points: Sequence[TrendPoint]) -> Chart | None:
    return _chart(
        points,
        [point.accuracy for point in points],
        "{:.2%}",
        [(point.accuracy_low, point.accuracy_high) for point in points],
    )


def _chart(
    points: Sequence[TrendPoint],
    values: Sequence[float | None],
    form: str,
    intervals: Sequence[tuple[float | None, float | None]] | None = None,
) -> Chart | None:
    labels = [
        f"{_moment(point.at)}: {'' if value is None else form.format(value)}"
        for point, value in zip(points, values, strict=True)
    ]
    return draw_line(values, labels, form, intervals)
