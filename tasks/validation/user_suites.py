"""The setting `gate.suites` goes in; the user's own Great Expectations suites come out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import great_expectations as gx
from great_expectations.expectations.expectation import Expectation

from tasks.errors import SettingsError
from tasks.runtime.user_code import import_by_path, users_code, wrong_result

if TYPE_CHECKING:
    from collections.abc import Sequence

SETTING = "gate.suites"


def load_user_suites(
    sources: Sequence[str], *, reserved: Sequence[str]
) -> dict[str, list[Expectation]]:
    """Load suites from JSON files, as Great Expectations stores them, and from functions.

    Args:
        sources: paths of JSON files, or package.module:function; a function takes no arguments and
            returns an `ExpectationSuite` or a list of expectations.
        reserved: names of suites that exist already.

    Returns:
        Expectations by the name of their suite.

    Raises:
        SettingsError: a suite can't be loaded, is empty, or its name is reserved.
    """
    suites: dict[str, list[Expectation]] = {}
    for source in sources:
        try:
            suite = _from_file(Path(source)) if source.endswith(".json") else _from_function(source)
        except SettingsError:
            raise
        except Exception as error:  # noqa: BLE001 - the user's files and functions can raise anything
            raise SettingsError(
                f"{SETTING}: {source} is not a suite of expectations: {error}"
            ) from None
        if not suite.expectations:
            raise SettingsError(f"{SETTING}: {source} contains no expectations.")
        if suite.name in (*reserved, *suites):
            raise SettingsError(
                f"{SETTING}: {source} has the name of another suite, {suite.name}. Give it another"
                " name."
            )
        suites[suite.name] = list(suite.expectations)
    return suites


def _from_file(file: Path) -> gx.ExpectationSuite:
    if not file.is_file():
        raise SettingsError(f"{SETTING}: no file at {file.absolute()}.")
    stored: dict[str, Any] = json.loads(file.read_text("utf-8"))
    # A stored suite has fields that the constructor refuses.
    accepted = ("name", "expectations", "meta", "notes")
    fields = {"name": file.stem, **{key: stored[key] for key in accepted if key in stored}}
    # Ids belong to the project in which the suite was made; ours would look for them in vain.
    fields["expectations"] = [
        {key: value for key, value in each.items() if key != "id"}
        for each in fields["expectations"]
    ]
    return gx.ExpectationSuite(**fields)


def _from_function(path: str) -> gx.ExpectationSuite:
    function = import_by_path(path, SETTING)
    with users_code(path, SETTING):
        suite = function()
        # Inside: a function may yield its expectations.
        expectations = list(suite) if isinstance(suite, Iterable) else None
    if isinstance(suite, gx.ExpectationSuite):
        return suite
    if expectations is None or not all(isinstance(each, Expectation) for each in expectations):
        wrong = suite if expectations is None else expectations
        raise wrong_result(wrong, "an ExpectationSuite or a list of expectations", path, SETTING)
    return gx.ExpectationSuite(name=path.partition(":")[2], expectations=expectations)
