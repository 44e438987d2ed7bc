"""Suites and a frame go in; validation results and a GX project with Data Docs come out.

The project is a plain file context, so that a GX user can open, rerun and extend it:
`great_expectations.get_context(mode="file", project_root_dir=...)`.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, cast

import great_expectations as gx
from great_expectations.checkpoint import UpdateDataDocsAction
from great_expectations.data_context.types.base import ProgressBarsConfig

from expectations.data_docs import LOCAL_SITE

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.core.batch_definition import BatchDefinition
    from great_expectations.core.result_format import ResultFormatUnion
    from great_expectations.data_context import AbstractDataContext, FileDataContext
    from great_expectations.data_context.store.store import DataDocsSiteConfigTypedDict
    from great_expectations.expectations.expectation import Expectation

VARIABLES = "gx/uncommitted/config_variables.yml"


def validate_frame(
    frame: pd.DataFrame, suites: dict[str, list[Expectation]], *, identify_by: str
) -> list[ExpectationSuiteValidationResult]:
    """Validate a frame against every suite and keep nothing: no project, no Data Docs.

    Args:
        frame: the batch.
        suites: expectations by the name of their suite.
        identify_by: column whose values identify the offending rows in the results.

    Returns:
        One validation result per suite, with every offending row in it (COMPLETE).
    """
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    batch = _batch_of(context).get_batch(batch_parameters={"dataframe": frame})
    return [
        batch.validate(
            gx.ExpectationSuite(name=name, expectations=expectations),
            result_format=_complete_results(identify_by),
        )
        for name, expectations in suites.items()
    ]


def run_checkpoint(
    frame: pd.DataFrame,
    suites: dict[str, list[Expectation]],
    *,
    project: Path,
    identify_by: str,
) -> list[ExpectationSuiteValidationResult]:
    """Validate a frame against every suite in one checkpoint of a project with Data Docs.

    Args:
        frame: the batch.
        suites: expectations by the name of their suite.
        project: folder of the GX project; created if it doesn't exist.
        identify_by: column whose values identify the offending rows in the results.

    Returns:
        One validation result per suite, with every offending row in it (COMPLETE).
    """
    context = _open_project(project)
    batch = _batch_of(context)
    # add_or_update throughout: a run that is judged again uses the same project.
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
            result_format=_complete_results(identify_by),
        )
    )
    checkpoint_result = checkpoint.run(batch_parameters={"dataframe": frame})
    # Once for all suites. The action, which is there for a GX user's own runs of the checkpoint,
    # builds the pages again for each suite.
    context.build_data_docs()
    checkpoint.actions = [UpdateDataDocsAction(name="data_docs")]
    checkpoint.save()
    return list(checkpoint_result.run_results.values())


def _open_project(project: Path) -> FileDataContext:
    context = gx.get_context(mode="file", project_root_dir=str(project))
    # The template of a user's variables, all comments. GX reads it for each of the hundreds of
    # values it substitutes, and takes a missing file for an empty one.
    (project / VARIABLES).unlink(missing_ok=True)
    # A bar per suite would fill the screen of a run with lines.
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    # Stored in the project, so that the pages stay safe when a GX user builds them again.
    site = cast("DataDocsSiteConfigTypedDict", copy.deepcopy(LOCAL_SITE))
    context.update_data_docs_site("local_site", site)
    return context


def _batch_of(context: AbstractDataContext) -> BatchDefinition[Any]:
    return (
        context.data_sources.add_or_update_pandas("inventory")
        .add_dataframe_asset("files")
        .add_batch_definition_whole_dataframe("all")
    )


def _complete_results(identify_by: str) -> ResultFormatUnion:
    return {"result_format": "COMPLETE", "unexpected_index_column_names": [identify_by]}
