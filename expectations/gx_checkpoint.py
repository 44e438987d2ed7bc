"""Suites and a frame go in; a GX project with a run checkpoint and its Data Docs comes out.

The project is a plain file context, so that a GX user can open it, run it again and extend it:
`great_expectations.get_context(mode="file", project_root_dir=...)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import great_expectations as gx
from great_expectations.checkpoint import UpdateDataDocsAction
from great_expectations.data_context.types.base import ProgressBarsConfig

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.expectations.expectation import Expectation

DATA_DOCS = "gx/uncommitted/data_docs/local_site/index.html"


def run_checkpoint(
    frame: pd.DataFrame,
    suites: dict[str, list[Expectation]],
    *,
    project: Path,
    identify_by: str,
    data_docs: bool = True,
) -> list[ExpectationSuiteValidationResult]:
    """Validate a frame against every suite in one checkpoint and build the Data Docs.

    Args:
        frame: the batch.
        suites: expectations by the name of their suite.
        project: folder of the GX project, made here.
        identify_by: column whose values name the offending rows in the results.
        data_docs: build them; they cost more time than the validation of a small frame.

    Returns:
        A validation result a suite, with every offending row in it (COMPLETE).
    """
    context = gx.get_context(mode="file", project_root_dir=str(project))
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    batch = (
        context.data_sources.add_or_update_pandas("inventory")
        .add_dataframe_asset("files")
        .add_batch_definition_whole_dataframe("all")
    )
    definitions = [
        context.validation_definitions.add_or_update(
            gx.ValidationDefinition(
                name=name,
                data=batch,
                suite=context.suites.add_or_update(
                    gx.ExpectationSuite(name=name, expectations=expectations)
                ),
            )
        )
        for name, expectations in suites.items()
    ]
    checkpoint = context.checkpoints.add_or_update(
        gx.Checkpoint(
            name="data_gate",
            validation_definitions=definitions,
            actions=[UpdateDataDocsAction(name="data_docs")] if data_docs else [],
            result_format=_every_row(identify_by),
        )
    )
    outcome = checkpoint.run(batch_parameters={"dataframe": frame})
    return list(outcome.run_results.values())


def _every_row(identify_by: str) -> dict[str, Any]:
    return {"result_format": "COMPLETE", "unexpected_index_column_names": [identify_by]}
