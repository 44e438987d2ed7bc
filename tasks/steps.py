"""The stages as Prefect tasks: names, retries, cache policy and artifacts. The rest is elsewhere.

Heavy libraries are imported by the stage that needs them, so that a flow that is refused, or ends
early, doesn't wait for TensorFlow.
"""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING, Any

from prefect import task
from prefect.cache_policies import NO_CACHE, CacheKeyFnPolicy
from prefect.states import Completed, Failed

from tasks import artifacts, runs
from tasks.errors import NothingNew, PixelgateError, WorkerDone
from tasks.files import digest, file_digest
from tasks.staging import first_line, stage

if TYPE_CHECKING:
    import pandas as pd
    from prefect.cache_policies import CachePolicy
    from prefect.client.schemas.objects import State

    from tasks.config import RetrainConfig
    from tasks.evaluation import Evaluation
    from tasks.generators.recipe import Inputs
    from tasks.runs import Run
    from tasks.training.trained import TrainedModel
    from tasks.training.transfer import StartingPoint

ONE_PASSING_FAULT: dict[str, Any] = {"retries": 2, "retry_delay_seconds": 5}

log = logging.getLogger("pixelgate")


def final_state(run: Run) -> State[dict[str, Any]]:
    """Return the flow's end as Prefect shows it: the outcome and the verdict in one line."""
    summary = runs.evidence(run, runs.SUMMARY)
    make = Failed if summary["exit_code"] else Completed
    name = summary["outcome"].replace("_", " ").title().replace(" ", "")
    return make(name=name, message=summary["message"].splitlines()[0], data=summary)


@stage("inventory", **ONE_PASSING_FAULT)
def take_inventory(run: Run) -> pd.DataFrame:
    """Read every picture file; leave inventory.parquet and the data's fingerprint."""
    from tasks.generators.ahead import DecodingAhead
    from tasks.inventory.columns import counts_by_split
    from tasks.inventory.scan import inventory_of

    with DecodingAhead(run.config) as ahead:
        inventory = inventory_of(run.config, ahead=ahead)
    facts = runs.record_inventory(run, inventory)
    told = (
        f"{facts['images']} pictures in {len(facts['classes'])} classes,"
        f" fingerprint {facts['data_fingerprint'][:12]}"
    )
    log.info(told)
    artifacts.show_class_counts(run, counts_by_split(inventory).reset_index(), told)
    return inventory


@stage("validate")
def validate(run: Run, inventory: pd.DataFrame) -> pd.DataFrame:
    """Judge the inventory and return what may be trained on; a rejected one ends the run."""
    import pandas as pd

    from tasks.inventory.columns import readable
    from tasks.judging import judge_inventory
    from tasks.validation.quarantine import without_quarantined
    from tasks.validation.verdict import require_accepted

    verdict = judge_inventory(run, inventory)
    artifacts.show_verdict(run, verdict)
    if verdict.moves:
        moves = pd.read_parquet(run.directory / "validation/moves.parquet")
        artifacts.show_moves(run, moves, verdict.moves)
    log.info(verdict.line)
    admitted = without_quarantined(inventory, require_accepted(verdict))
    runs.note_facts(run, quarantined=len(inventory) - len(readable(admitted)))
    return admitted


@stage("look for news")
def require_news(run: Run, inventory: pd.DataFrame) -> str:
    """End the run where data, settings and code were judged before; else return their key."""
    from tasks.inventory.columns import fingerprint
    from tasks.registry.store import find_settled

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


def train(run: Run, inputs: Inputs, key: str) -> TrainedModel:
    """Train the model, or take a finished training of the same data, settings and code.

    Raises:
        WorkerDone: this process trained for another one, which goes on from here.
    """
    from tasks.registry.champion import find_starting_point
    from tasks.reporting.results import draw_training
    from tasks.training.reuse import copy_trained, folders_of

    champion = find_starting_point(run.config)
    if champion is not None:
        key = digest([key, champion.version])
    # The result that is kept says where the files are; each run has its own copy as evidence.
    place = folders_of(train_once(run, inputs, key, champion), run.config)
    model = copy_trained(place.finished, run.directory / "model")
    draw_training(model.history, model.directory)
    if not model.is_chief:
        raise WorkerDone("this worker trained with the others; the chief evaluates and registers")
    return model


def _is_gone(run: Run, _inputs: Inputs, key: str, _champion: StartingPoint | None) -> bool:
    """Tell whether the files of a training are not there, or not wanted (--force)."""
    from tasks.training.reuse import folders_of
    from tasks.training.trained import read_trained

    return run.config.force or read_trained(folders_of(key, run.config).finished) is None


def _kept(name: str) -> CachePolicy:
    """Keep a stage's result under its key; results of all homes are in one store of Prefect's."""

    def key_of(_context: object, arguments: dict[str, Any]) -> str:
        run: Run = arguments["run"]
        return digest([name, str(run.config.home), arguments["key"]])

    return CacheKeyFnPolicy(cache_key_fn=key_of)


@stage("train", cache_policy=_kept("train"), refresh=_is_gone, persist_result=True)
def train_once(run: Run, inputs: Inputs, key: str, champion: StartingPoint | None) -> str:
    """Train in a process of its own; its epochs appear in Prefect as they end."""
    from tasks.training.isolation import Request, train_apart
    from tasks.training.reuse import folders_of, forget_old_trainings

    show = artifacts.show_progress(run)

    def on_epoch(epoch: int, epochs: int, metrics: dict[str, float]) -> None:
        told = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        log.info("epoch %d/%d: %s", epoch, epochs, told)
        show(epoch, epochs, told)

    place = folders_of(key, run.config)
    if run.config.force:
        shutil.rmtree(place.finished, ignore_errors=True)
    request = Request(
        inputs,
        run.config,
        workspace=place.workspace,
        directory=place.finished,
        champion=champion,
    )
    train_apart(request, on_epoch=on_epoch)
    forget_old_trainings(run.config)
    return key


def evaluate(
    run: Run, model: TrainedModel, inputs: Inputs, inventory: pd.DataFrame, key: str
) -> tuple[Evaluation, Evaluation | None]:
    """Evaluate model and champion, or take what a run that was cut short had finished."""
    from tasks.evaluated import copy_evaluations, folder_of
    from tasks.evaluation import worst_mistakes
    from tasks.registry.champion import champion_version
    from tasks.reporting.results import draw_evaluation

    key = digest([key, file_digest(model.path), champion_version(run.config)])
    key = evaluate_once(run, model, inputs, inventory, key)
    folder = run.directory / "evaluation"
    evaluation, before = copy_evaluations(folder_of(key, run.config), folder)
    mistakes = worst_mistakes(evaluation, most=run.config.evaluation.mistakes_shown)
    draw_evaluation(evaluation, mistakes, inputs, folder)
    artifacts.show_evaluation(run, evaluation)
    log.info(
        "accuracy %.4f (%.4f to %.4f) on %d test pictures%s",
        evaluation.accuracy,
        evaluation.accuracy_low,
        evaluation.accuracy_high,
        evaluation.test_images,
        f"; champion {before.accuracy:.4f}" if before else "",
    )
    return evaluation, before


def _was_not_evaluated(
    run: Run, _model: TrainedModel, _inputs: Inputs, _inventory: pd.DataFrame, key: str
) -> bool:
    """Tell whether the files of an evaluation are not there, or not wanted (--force)."""
    from tasks.evaluated import folder_of

    return run.config.force or not folder_of(key, run.config).exists()


@stage("evaluate", cache_policy=_kept("evaluate"), refresh=_was_not_evaluated, persist_result=True)
def evaluate_once(
    run: Run, model: TrainedModel, inputs: Inputs, inventory: pd.DataFrame, key: str
) -> str:
    """Ask the new model, and the champion if there is one, about the same test pictures."""
    from tasks.evaluated import evaluate_both, folder_of

    directory = folder_of(key, run.config)
    evaluate_both(model.path, inputs, inventory, run.config, directory=directory)
    return key


@stage("register", **ONE_PASSING_FAULT)
def register(
    run: Run,
    model: TrainedModel,
    inputs: Inputs,
    evaluations: tuple[Evaluation, Evaluation | None],
) -> None:
    """Register the version and promote it if it has earned it; a rejected one ends the run."""
    from tasks.promotion import require_not_rejected
    from tasks.registry.registration import register_model, write_registration

    registration = register_model(
        model.path,
        inputs,
        *evaluations,
        run.config,
        tags=runs.provenance(run),
        artifacts=run.directory,
    )
    write_registration(registration, run.directory / runs.REGISTRATION)
    artifacts.show_registration(run, registration)
    require_not_rejected(registration.outcome, registration.message)


@task(name="drill", task_run_name="drill {config.name}", cache_policy=NO_CACHE)
def drill_gate(config: RetrainConfig) -> State[list[dict[str, Any]]]:
    """Plant each kind of fault in a sample of the data; leave a table of what the gate caught."""
    from tasks.drill.drill import require_all_hold, run_drill

    try:
        results = run_drill(config)
        rows = artifacts.show_drill(config.name, results)
        require_all_hold(results)
    except PixelgateError as error:
        return Failed(message=first_line(error), data=error)
    return Completed(message=f"{len(results)} of {len(results)} as they should be", data=rows)
