"""Renders Data Docs that show file and class names as text, whatever characters they hold.

Great Expectations puts values into its pages as they are: a class named `<svg onload=...>` would
run as a script, and `$name` would be taken for a parameter. So special characters of the data are
disguised before a page is built, and become HTML entities in the finished page.

Great Expectations loads the classes by the names in `LOCAL_SITE`, which stands in the
configuration of the project.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from great_expectations.core import ExpectationSuite
from great_expectations.render.renderer import (
    ExpectationSuitePageRenderer,
    ValidationResultsPageRenderer,
)
from great_expectations.render.view import DefaultJinjaPageView

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.render import RenderedDocumentContent

# Characters that HTML, the templates of Great Expectations or Markdown would interpret. Each is
# replaced by one that Unicode reserves for private use, so that no step in between touches it.
SPECIAL = "<>&\"'$`{}\\"
DISGUISES = {ord(character): 0xF8F0 + index for index, character in enumerate(SPECIAL)}
ENTITIES = {disguise: f"&#{character};" for character, disguise in DISGUISES.items()}
# The operator's own condition, which Great Expectations parses.
CODE = "row_condition"


def _section(store: str, renderer: str) -> dict[str, Any]:
    return {
        "class_name": "DefaultSiteSectionBuilder",
        "source_store_name": store,
        "renderer": {"module_name": __name__, "class_name": renderer},
        "view": {"module_name": __name__, "class_name": "EscapingPageView"},
    }


# As Great Expectations sets it up in a new project, but for the renderers.
LOCAL_SITE: dict[str, Any] = {
    "class_name": "SiteBuilder",
    "show_how_to_buttons": True,
    "store_backend": {
        "class_name": "TupleFilesystemStoreBackend",
        "base_directory": "uncommitted/data_docs/local_site/",
    },
    "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    "site_section_builders": {
        "expectations": _section("expectations_store", "DisguisingSuiteRenderer"),
        "validations": _section("validation_results_store", "DisguisingResultsRenderer"),
    },
}


def disguise(value: Any) -> Any:
    """Return a JSON value in which no text holds a special character; other values are shared."""
    if isinstance(value, str):
        return value.translate(DISGUISES)
    if isinstance(value, dict):
        return {
            disguise(key): each if key == CODE else disguise(each) for key, each in value.items()
        }
    return [disguise(each) for each in value] if isinstance(value, (list, tuple)) else value


class DisguisingSuiteRenderer(ExpectationSuitePageRenderer):
    """Renders the page of a suite with disguised descriptions, value sets and parameters."""

    def render(self, expectations: ExpectationSuite | dict[str, Any]) -> RenderedDocumentContent:
        """Return the content of the page."""
        if isinstance(expectations, ExpectationSuite):
            expectations = expectations.to_json_dict()
        content: RenderedDocumentContent = super().render(  # type: ignore[no-untyped-call] # GX's
            ExpectationSuite(**disguise(expectations))
        )
        return content


class DisguisingResultsRenderer(ValidationResultsPageRenderer):
    """Renders the page of a validation result with disguised values, paths and messages."""

    def render(
        self,
        validation_results: ExpectationSuiteValidationResult,
        suite_parameters: dict[str, Any] | None = None,
    ) -> RenderedDocumentContent:
        """Return the content of the page."""
        disguised = copy.deepcopy(validation_results)
        for validation in disguised.results:
            validation.result = disguise(validation.result)
            validation.exception_info = disguise(validation.exception_info)
            config = validation.expectation_config
            if config is not None:
                config.kwargs = disguise(config.kwargs)
                config.description = disguise(config.description)
                config.notes = disguise(config.notes)
        content: RenderedDocumentContent = super().render(disguised, suite_parameters)
        return content


class EscapingPageView(DefaultJinjaPageView):
    """Writes a page, with HTML entities where text was disguised."""

    def render(self, document: Any, template: Any = None, **kwargs: Any) -> str:
        """Return the page as HTML."""
        page: str = super().render(document, template, **kwargs)  # type: ignore[no-untyped-call] # GX's
        return page.translate(ENTITIES)
