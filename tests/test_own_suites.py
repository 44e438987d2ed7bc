"""Suites of expectations that an operator adds: judged with ours, or explained."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import great_expectations as gx
import great_expectations.expectations as gxe
import pytest
from great_expectations.expectations.metadata_types import FailureSeverity

from tasks.errors import SettingsError
from tasks.validation.user_suites import load_user_suites

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gate_keeper import GateKeeper
    from tests.image_trees import Tree

EXISTS = {"type": "expect_column_to_exist", "kwargs": {"column": "path"}}


def own_suite() -> list[Any]:
    """Return expectations as a user would write them."""
    return [gxe.ExpectColumnMaxToBeBetween(column="bytes", max_value=20)]


def test_a_users_own_suite_is_judged_with_ours(
    keeper: GateKeeper, image_tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From JSON as GX writes it, and from a function; files are named, severity counts."""
    root = image_tree()
    context = gx.get_context(mode="file", project_root_dir=tmp_path / "project")
    context.suites.add(
        gx.ExpectationSuite(
            name="mine",
            expectations=[
                gxe.ExpectColumnValuesToMatchRegex(
                    column="path", regex=r"^(?:cat|dog)/0[0-3]", severity=FailureSeverity.WARNING
                )
            ],
        )
    )
    (root / "cat/stranger.png").write_bytes((root / "cat/000.png").read_bytes())
    file = tmp_path / "project/gx/expectations/mine.json"
    verdict = keeper.judge(root, suites=[str(file)])
    assert verdict.accepted
    finding = verdict.failures[0]
    assert (finding.rule, finding.offenders) == ("mine", 1)
    assert finding.examples == ("cat/stranger.png: cat/stranger.png",)
    assert "expectation of your own" in finding.remedy
    monkeypatch.setitem(sys.modules, "users_module", sys.modules[__name__])
    verdict = keeper.judge(root, suites=["users_module:own_suite"])
    assert not verdict.accepted
    assert {each.rule for each in verdict.failures} == {"own_suite"}
    assert "column max to be between" in verdict.details


def no_such_column() -> list[Any]:
    """Return an expectation that can't be judged."""
    return [gxe.ExpectColumnValuesToNotBeNull(column="colour of the sky")]


@pytest.mark.filterwarnings("ignore")
def test_an_expectation_that_cannot_be_judged_fails(
    keeper: GateKeeper, image_tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not checked does not pass; the reason is told."""
    monkeypatch.setitem(sys.modules, "users_module", sys.modules[__name__])
    verdict = keeper.judge(image_tree(), suites=["users_module:no_such_column"])
    assert not verdict.accepted
    assert "could not be judged" in verdict.failures[0].observed
    assert "colour of the sky" in verdict.failures[0].observed


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.json", None, "no file at"),
        ("torn.json", "{", "is not a suite of expectations"),
        ("empty.json", '{"name": "e", "expectations": []}', "contains no expectations"),
        (
            "taken.json",
            json.dumps({"name": "shape", "expectations": [EXISTS]}),
            "has the name of another suite, shape",
        ),
        ("nowhere:function", None, "can't be imported"),
    ],
)
def test_a_suite_that_cannot_be_loaded_is_explained(
    tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    """The setting, the file and what is wrong with it."""
    if content is not None:
        (tmp_path / name).write_text(content)
    path = str(tmp_path / name) if name.endswith(".json") else name
    with pytest.raises(SettingsError, match=rf"gate\.suites.*{message}"):
        load_user_suites([path], reserved=["shape"])
