"""A template's name and values go in; an HTML page comes out."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from deployments.desk.charts import written
from tasks.monitoring.status_words import percent, since, span

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

PLOTLY = version("plotly")


class Templates:
    """The desk's templates."""

    def __init__(self) -> None:
        # File names and labels come from the data, so everything is escaped.
        self._environment = Environment(
            loader=PackageLoader("deployments.desk", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals |= {"plotly_version": PLOTLY}
        self._environment.filters |= {
            "percent": percent,
            "since": since,
            "span": span,
            "url": lambda text: quote(str(text), safe=""),
            "words": lambda outcome: str(outcome).replace("_", " "),
            "moment": _moment,
            "written": written,
        }

    def extend(self, **words: Any) -> Callable[..., str]:
        """Let all templates use more functions; return what renders a template by its name."""
        self._environment.globals |= words
        return self.render

    def render(self, name: str, /, **values: Any) -> str:
        """Return the page of a template."""
        return self._environment.get_template(f"{name}.html.j2").render(**values)


def _moment(moment: datetime | str | None) -> str:
    if isinstance(moment, str):
        # Of ledgers, which have ISO 8601.
        return f"{moment[:16].replace('T', ' ')} UTC"
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""
