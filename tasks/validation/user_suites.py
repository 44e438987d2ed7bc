"""The setting `gate.suites` goes in; the user's own Great Expectations suites come out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import great_expectations as gx

from tasks.errors import SettingsError
from tasks.runtime.user_code import import_by_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from great_expectations.expectations.expectation import Expectation

SETTING = "gate.suites"


def load_own_suites(names: Sequence[str], *, taken: Sequence[str]) -> dict[str, list[Expectation]]:
    """Read suites from JSON files, as Great Expectations stores them, and from functions.

    Args:
        names: paths of JSON files, or package.module:function; a function takes nothing and returns
            an `ExpectationSuite` or a list of expectations.
        taken: names of suites that are there already.

    Returns:
        Expectations by the name of their suite.

    Raises:
        SettingsError: a suite can't be read or made, is empty, or its name is taken.
    """
    own: dict[str, list[Expectation]] = {}
    for name in names:
        try:
            suite = _from_file(Path(name)) if name.endswith(".json") else _from_function(name)
        except SettingsError:
            raise
        except Exception as error:  # noqa: BLE001 - files and functions of the user's raise anything
            raise SettingsError(f"{SETTING}: {name} is no suite of expectations: {error}") from None
        if not suite.expectations:
            raise SettingsError(f"{SETTING}: {name} holds no expectations.")
        if suite.name in (*taken, *own):
            raise SettingsError(
                f"{SETTING}: {name} is named {suite.name}, as another suite is. Give it a name of"
                " its own."
            )
        own[suite.name] = list(suite.expectations)
    return own


def _from_file(file: Path) -> gx.ExpectationSuite:
    if not file.is_file():
        raise SettingsError(f"{SETTING}: no file at {file.absolute()}.")
    plain: dict[str, Any] = json.loads(file.read_text("utf-8"))
    known = ("name", "expectations", "meta", "notes")
    plain = {"name": file.stem, **{key: plain[key] for key in known if key in plain}}
    # Ids belong to the project the suite was made in.
    plain["expectations"] = [
        {key: value for key, value in each.items() if key != "id"} for each in plain["expectations"]
    ]
    return gx.ExpectationSuite(**plain)


def _from_function(path: str) -> gx.ExpectationSuite:
    made = import_by_path(path, SETTING)()
    if isinstance(made, gx.ExpectationSuite):
        return made
    return gx.ExpectationSuite(name=path.partition(":")[2], expectations=list(made))
