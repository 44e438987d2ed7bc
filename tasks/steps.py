"""The stages as Prefect tasks: names, retries, cache policy and artifacts. The rest is elsewhere.

Heavy libraries are imported by the stage that needs them, so that a flow that is refused, or ends
early, doesn't wait for TensorFlow.
"""

from __future__ import annotations

import functools
import logging
import re
import time
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from prefect import task
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, Failed
from sqlalchemy.exc import SQLAlchemyError

from tasks import environment, runs
from tasks.errors import NothingNew, PixelgateError
from tasks.notification import notify

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from uuid import UUID

    import pandas as pd
    from prefect.client.schemas.objects import State

    from tasks.config import RetrainConfig
    from tasks.evaluation import Evaluation
    from tasks.generators.recipe import Inputs
    from tasks.runs import Run
    from tasks.training import TrainedModel

P = ParamSpec("P")
R = TypeVar("R")
ROWS_SHOWN = 50
ONE_PASSING_FAULT = {"retries": 2, "retry_delay_seconds": 5}

log = logging.getLogger("pixelgate")


def stage(name: str, **options: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function a Prefect task that notes how long it took.

    An end that Pixelgate foresees (a PixelgateError, NothingNew) becomes a state with its message
    and no traceback, and is not retried; it is raised again where the task was called.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
            try:
                return function(*args, **kwargs)
            except PixelgateError as error:
                return Failed(message=_first_line(error), data=error)
            except NothingNew as news:
                return Completed(name="NothingNew", message=str(news), data=news)

        as_task = task(
            name=name,
            task_run_name=f"{name} {{run.config.name}}",
            cache_policy=NO_CACHE,
            retry_condition_fn=_can_pass,
            **options,
        )(guarded)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            started = time.monotonic()
            state = as_task(*args, **kwargs, return_state=True)
            run: Run = args[0]  # type: ignore[assignment]
            runs.note_stage(run, name, time.monotonic() - started)
            result = state.result()
            if isinstance(result, NothingNew):
                raise result
            return result  # type: ignore[no-any-return]

        return call

    return decorate


def _can_pass(_task: object, _task_run: object, state: State[Any]) -> bool:
    """A fault of the network or the disk can pass; a verdict stands."""
    fault = state.result(raise_on_failure=False)
    return isinstance(fault, OSError | SQLAlchemyError)


class RecordedRun:
    """A run from its lock and its folder to its summary, report and notification.

    As a context manager it gives the `Run`; foreseen ends are recorded and swallowed, faults are
    recorded and raised on.

    Raises:
        RunInProgressError: on entry, when the model is being retrained already.
    """

    def __init__(self, config: RetrainConfig) -> None:
        environment.prepare()
        # What the stages say of a run belongs to its log in Prefect, wherever it was started.
        log.setLevel(min(log.level or logging.INFO, logging.INFO))
        self._lock = runs.only_one(config)
        self._config = config

    def __enter__(self) -> Run:
        self._lock.__enter__()
        self._run = runs.open_run(self._config)
        log.info("run %s of the model %s", self._run.id, self._config.name)
        return self._run

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        try:
            _conclude(self._run, error)
        finally:
            self._lock.__exit__(None, None, None)
        return isinstance(error, PixelgateError | NothingNew)


def _conclude(run: Run, error: BaseException | None) -> None:
    """Write summary and report, and tell who is to be told."""
    outcome, message = _outcome(run, error)
    summary = runs.summarise(
        run, outcome=outcome, message=message, exit_code=_exit_code(outcome, error)
    )
    bad = outcome in ("failed", "data_rejected", "model_rejected")
    log.log(logging.ERROR if bad else logging.INFO, "%s: %s", outcome, message.splitlines()[0])
    try:
        from tasks.reporting.page import write_report

        write_report(run, summary)
    except Exception:
        # The report shows what happened; its own fault must not hide or change that.
        log.exception("the report of run %s could not be written", run.id)
    notify(summary, run.config.notify)


def _outcome(run: Run, error: BaseException | None) -> tuple[str, str]:
    if error is None:
        registration = runs.evidence(run, runs.REGISTRATION)
        return registration["outcome"], registration["message"]
    if isinstance(error, NothingNew):
        return "unchanged", str(error)
    if isinstance(error, PixelgateError):
        return error.outcome, str(error)
    return "failed", f"{type(error).__name__}: {error}"


def _exit_code(outcome: str, error: BaseException | None) -> int:
    if isinstance(error, PixelgateError):
        return error.exit_code
    return 1 if outcome == "failed" else 0


def final_state(run: Run) -> State[dict[str, Any]]:
    """Return the flow's end as Prefect shows it: the outcome and the verdict in one line."""
    summary = runs.evidence(run, runs.SUMMARY)
    make = Failed if summary["exit_code"] else Completed
    name = summary["outcome"].replace("_", " ").title().replace(" ", "")
    return make(name=name, message=summary["message"].splitlines()[0], data=summary)


@stage("inventory", **ONE_PASSING_FAULT)
def take_inventory(run: Run) -> pd.DataFrame:
    """Read every picture file; leave inventory.parquet and the data's fingerprint."""
    from tasks.inventory.columns import counts_by_split
    from tasks.inventory.scan import take_inventory as scan

    inventory = scan(run.config.data, seed=run.config.seed, cache=run.config.state / "inventory")
    facts = runs.record_inventory(run, inventory)
    told = (
        f"{facts['images']} pictures in {len(facts['classes'])} classes,"
        f" fingerprint {facts['data_fingerprint'][:12]}"
    )
    log.info(told)
    counts = counts_by_split(inventory).reset_index().head(ROWS_SHOWN)
    create_table_artifact(
        [counts.columns.tolist(), *counts.to_numpy().tolist()],
        key=_key(run, "class-counts"),
        description=told,
    )
    return inventory


@stage("validate")
def validate(run: Run, inventory: pd.DataFrame) -> pd.DataFrame:
    """Judge the inventory and return what may be trained on; a rejected one ends the run."""
    from tasks.inventory.columns import readable
    from tasks.validation.quarantine import without_quarantined
    from tasks.validation.stage import validate_inventory
    from tasks.validation.verdict import require_accepted

    verdict = validate_inventory(inventory, run.config.gate, directory=run.directory / "validation")
    columns = ("rule", "severity", "success", "description", "observed", "remedy")
    create_table_artifact(
        [{name: getattr(finding, name) for name in columns} for finding in verdict.findings],
        key=_key(run, "data-gate"),
        description=verdict.line,
    )
    create_link_artifact(
        verdict.data_docs.as_uri(), link_text="Data Docs", key=_key(run, "data-docs")
    )
    if verdict.failures:
        create_markdown_artifact(f"```\n{verdict.screen}\n```", key=_key(run, "data-gate-failures"))
    log.info(verdict.line)
    admitted = without_quarantined(inventory, require_accepted(verdict))
    runs.note_facts(run, quarantined=len(inventory) - len(readable(admitted)))
    return admitted


@stage("look for news")
def require_news(run: Run, inventory: pd.DataFrame) -> str:
    """End the run where data, settings and code were judged before; else return their key."""
    from tasks.inventory.columns import fingerprint
    from tasks.registry import find_settled

    key = runs.recipe_key(fingerprint(inventory), run.config)
    runs.note_facts(run, recipe=key)
    settled = None if run.config.force else find_settled(key, run.config)
    if settled is not None:
        runs.note_facts(run, **settled)
        raise NothingNew(
            "data, settings and code are those of an earlier run; version"
            f" {settled['model_version']} stays in production (--force trains all the same)"
        )
    return key


@stage("generators")
def build_generators(run: Run, inventory: pd.DataFrame) -> Inputs:
    """Decode every picture once, settle the model's input, and draw the previews."""
    from tasks.generators.recipe import build_inputs
    from tasks.reporting.previews import draw_previews

    inputs = build_inputs(inventory, run.config, directory=run.directory)
    draw_previews(inputs, inventory, seed=run.config.seed, folder=run.directory / "previews")
    contract = inputs.contract
    log.info(
        "pictures of %d x %d pixels, %s; %s",
        contract.height,
        contract.width,
        contract.color_mode,
        ", ".join(f"{count} {split}" for split, count in inputs.counts.items()),
    )
    return inputs


@stage("train")
def train(run: Run, inputs: Inputs, key: str) -> TrainedModel:
    """Train the model; its epochs appear in Prefect as they end."""
    from tasks.reporting.results import draw_training
    from tasks.training import train_model

    progress = cast(
        "UUID",
        create_progress_artifact(
            0.0, key=_key(run, "training-progress"), description="training begins"
        ),
    )

    def on_epoch(epoch: int, epochs: int, metrics: dict[str, float]) -> None:
        told = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        log.info("epoch %d/%d: %s", epoch, epochs, told)
        update_progress_artifact(
            progress, 100 * epoch / epochs, description=f"epoch {epoch} of {epochs}: {told}"
        )

    directory = run.directory / "model"
    model = train_model(
        inputs,
        run.config,
        workspace=run.config.state / "training" / key[:32],
        directory=directory,
        on_epoch=on_epoch,
    )
    draw_training(model.history, directory)
    return model


@stage("evaluate")
def evaluate(
    run: Run, model: TrainedModel, inputs: Inputs, inventory: pd.DataFrame
) -> tuple[Evaluation, Evaluation | None]:
    """Ask the new model, and the champion if there is one, about the same test pictures."""
    from tasks.evaluation import evaluate_model, worst_mistakes
    from tasks.registry import find_champion
    from tasks.reporting.results import draw_evaluation

    folder = run.directory / "evaluation"
    evaluation = evaluate_model(
        model.path,
        inputs.contract,
        inventory,
        run.config,
        predictions=folder / "predictions.parquet",
    )
    champion = find_champion(run.config)
    before = None
    if champion is not None:
        before = evaluate_model(
            champion.model,
            champion.contract,
            inventory,
            run.config,
            predictions=folder / "champion_predictions.parquet",
        )
    mistakes = worst_mistakes(evaluation, most=run.config.evaluation.mistakes_shown)
    draw_evaluation(evaluation, mistakes, inputs, folder)
    create_table_artifact(
        evaluation.per_class[:ROWS_SHOWN],
        key=_key(run, "evaluation"),
        description=f"accuracy {evaluation.accuracy:.4f} on {evaluation.test_images} test pictures",
    )
    log.info(
        "accuracy %.4f (%.4f to %.4f) on %d test pictures%s",
        evaluation.accuracy,
        evaluation.accuracy_low,
        evaluation.accuracy_high,
        evaluation.test_images,
        f"; champion {before.accuracy:.4f}" if before else "",
    )
    return evaluation, before


@stage("register", **ONE_PASSING_FAULT)
def register(
    run: Run,
    model: TrainedModel,
    inputs: Inputs,
    evaluations: tuple[Evaluation, Evaluation | None],
) -> None:
    """Register the version and promote it if it has earned it; a rejected one ends the run."""
    from tasks.promotion import require_not_rejected
    from tasks.registry import register_model, write_registration

    registration = register_model(
        model.path,
        inputs,
        *evaluations,
        run.config,
        tags=runs.provenance(run),
        artifacts=run.directory,
    )
    write_registration(registration, run.directory / runs.REGISTRATION)
    rows = "\n".join(f"- {check.sentence}" for check in registration.checks)
    create_markdown_artifact(
        f"## {registration.message}\n\n{rows}\n\nReport: `{run.report}`",
        key=_key(run, "model-gate"),
        description=registration.message,
    )
    create_link_artifact(run.report.as_uri(), link_text="Report", key=_key(run, "report"))
    require_not_rejected(registration.outcome, registration.message)


def _key(run: Run, name: str) -> str:
    """Artifact keys take only lower case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9-]+", "-", f"{run.config.name}-{name}".lower()).strip("-")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
