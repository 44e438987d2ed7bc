"""A frame goes in; one finding for each expectation comes out, with the files that failed it.

The validation modules that need Great Expectations are imported by this one alone, so that what
needs no expectation doesn't wait for its import, which takes seconds.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd

from expectations.gx_checkpoint import run_checkpoint, validate_frame
from tasks.inventory.columns import PATH
from tasks.validation.baseline import content_of
from tasks.validation.data_rules import suites_for
from tasks.validation.findings import read_validation
from tasks.validation.user_suites import load_user_suites

if TYPE_CHECKING:
    from pathlib import Path

    from great_expectations.expectations.expectation import Expectation

    from tasks.config.gate import GateConfig
    from tasks.validation.context import Context
    from tasks.validation.verdict import Finding


def judge_frame(  # noqa: PLR0913 - everything that findings depend on
    frame: pd.DataFrame,
    gate: GateConfig,
    context: Context,
    learned: dict[str, str],
    project: Path,
    *,
    data_docs: bool,
) -> tuple[tuple[Finding, ...], pd.DataFrame]:
    """Run every suite; return one finding per expectation, and the offending files of all.

    Args:
        frame: the inventory with `derived_columns` and `embedding_columns`.
        gate: severity and threshold of each rule.
        context: what was accepted and cleared before.
        learned: how thresholds were learned, by rule.
        project: folder of the GX project.
        data_docs: whether to keep the project with its pages too.

    Raises:
        SettingsError: a suite of the user's can't be loaded.
    """
    suites = suites_for(frame, gate, context)
    # Great Expectations hashes every column for every suite. The user's may ask for any.
    batch = frame if gate.suites else frame[_columns_named(suites, frame)]
    suites |= load_user_suites(gate.suites, reserved=list(suites))
    results = (
        run_checkpoint(batch, suites, project=project, identify_by=PATH)
        if data_docs
        else validate_frame(batch, suites, identify_by=PATH)
    )
    cleared = frozenset(frame.loc[content_of(frame).isin(context.cleared), PATH])
    read = [
        read_validation(
            validation, frame, gate, suite=str(suite.suite_name), cleared=cleared, learned=learned
        )
        for suite in results
        for validation in suite.results
    ]
    return tuple(finding for finding, _ in read), pd.concat([rows for _, rows in read])


def _columns_named(suites: dict[str, list[Expectation]], frame: pd.DataFrame) -> list[str]:
    """Return the columns that suites name anywhere, and the one that identifies a row."""
    settings = json.dumps(
        [each.configuration.to_json_dict() for suite in suites.values() for each in suite]
    )
    return [column for column in frame.columns if column == PATH or json.dumps(column) in settings]
