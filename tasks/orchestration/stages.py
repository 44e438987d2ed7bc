"""The stages as Prefect tasks: names, retries, cache policy and artifacts.

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

from tasks.errors import PixelgateError, Unchanged, WorkerDone
from tasks.orchestration import artifacts
from tasks.orchestration.stage_task import first_line, stage
from tasks.runs.fingerprint import recipe_key
from tasks.runs.provenance import provenance
from tasks.runs.run_folder import REGISTRATION, record_facts
from tasks.runs.summary import read_summary
from tasks.storage.atomic import write_json
from tasks.storage.hashing import digest, file_digest

if TYPE_CHECKING:
    import pandas as pd
    from prefect.cache_policies import CachePolicy
    from prefect.client.schemas.objects import State

    from tasks.config.schema import RetrainConfig
    from tasks.evaluation.compare import Evaluations
    from tasks.generators.inputs import Inputs
    from tasks.runs.run_folder import Run
    from tasks.runs.summary import RunSummary
    from tasks.training.initial_weights import InitialModel
    from tasks.training.result import TrainedModel

RETRY_TRANSIENT_FAULTS: dict[str, Any] = {"retries": 2, "retry_delay_seconds": 5}

log = logging.getLogger("pixelgate")


def final_state(run: Run) -> State[RunSummary]:
    """Return the flow's end as Prefect shows it: the outcome and the message in one line."""
    summary = read_summary(run.config.paths, run.id)
    make = Failed if summary.exit_code else Completed
    name = summary.outcome.replace("_", " ").title().replace(" ", "")
    return make(name=name, message=summary.first_line, data=summary)


@stage("inventory", **RETRY_TRANSIENT_FAULTS)
def take_inventory(run: Run) -> pd.DataFrame:
    """Read every image file; leave inventory.parquet and the data's fingerprint."""
    from tasks.generators.eager_decode import EagerDecoder
    from tasks.inventory.columns import counts_by_split
    from tasks.inventory.run_inventory import record_inventory
    from tasks.inventory.scan import inventory_of

    with EagerDecoder(run.config) as decoder:
        inventory = inventory_of(run.config, eager_decoder=decoder)
    facts = record_inventory(run, inventory)
    message = (
        f"{facts['images']} images in {len(facts['classes'])} classes,"
        f" fingerprint {facts['data_fingerprint'][:12]}"
    )
    log.info(message)
    artifacts.show_class_counts(run, counts_by_split(inventory).reset_index(), message)
    return inventory


@stage("validate")
def validate(run: Run, inventory: pd.DataFrame) -> pd.DataFrame:
    """Judge the inventory and return what may be trained on; rejected data ends the run."""
    import pandas as pd

    from tasks.inventory.columns import readable
    from tasks.registry.champion import champion_classes
    from tasks.validation.data_gate import judge_inventory
    from tasks.validation.quarantine import drop_quarantined
    from tasks.validation.verdict import require_accepted

    verdict = judge_inventory(run, inventory, champion_classes=champion_classes(run.config))
    artifacts.show_verdict(run, verdict)
    if verdict.moves:
        moves = pd.read_parquet(run.validation / "moves.parquet")
        artifacts.show_moves(run, moves, verdict.moves)
    log.info(verdict.line)
    admitted = drop_quarantined(inventory, require_accepted(verdict))
    record_facts(run, quarantined=len(inventory) - len(readable(admitted)))
    return admitted


@stage("skip if unchanged")
def skip_if_unchanged(run: Run, inventory: pd.DataFrame) -> str:
    """End the run where data, settings and code were judged before; else return the recipe key."""
    from tasks.inventory.columns import fingerprint
    from tasks.registry.champion import find_judged_run

    key = recipe_key(fingerprint(inventory), run.config)
    record_facts(run, recipe=key)
    judged = None if run.config.force else find_judged_run(key, run.config)
    if judged is not None:
        record_facts(run, **judged)
        raise Unchanged(
            "data, settings and code are those of an earlier run; version"
            f" {judged['model_version']} stays in production (--force trains all the same)"
        )
    return key


@stage("generators")
def build_generators(run: Run, inventory: pd.DataFrame) -> Inputs:
    """Decode every image once, choose the model's input, and draw the previews."""
    from tasks.generators.inputs import build_inputs
    from tasks.reporting.previews import draw_previews

    inputs = build_inputs(inventory, run.config, directory=run.directory)
    draw_previews(inputs, inventory, seed=run.config.seed, folder=run.directory / "previews")
    contract = inputs.contract
    log.info(
        "images of %d x %d pixels, %s; %s",
        contract.height,
        contract.width,
        contract.color_mode,
        ", ".join(f"{count} {split}" for split, count in inputs.counts.items()),
    )
    return inputs


def train(run: Run, inputs: Inputs, key: str) -> TrainedModel:
    """Train the model, or take a finished training of the same data, settings and code.

    Raises:
        WorkerDone: this process trained for another one, which continues from here.
    """
    from tasks.registry.champion import find_initial_model
    from tasks.reporting.results import draw_training
    from tasks.training.training_cache import copy_training

    champion = find_initial_model(run.config)
    if champion is not None:
        key = digest([key, champion.version])
    key = train_once(run, inputs, key, champion)
    # Each run has its own copy as evidence.
    finished = run.config.paths.finished_training(key)
    model = copy_training(finished, run.directory / "model")
    draw_training(model.history, model.directory)
    if not model.is_chief:
        raise WorkerDone("this worker trained with the others; the chief evaluates and registers")
    return model


def _must_train(run: Run, _inputs: Inputs, key: str, _champion: InitialModel | None) -> bool:
    """Tell whether the files of a training are missing, or not wanted (--force)."""
    from tasks.training.result import read_trained

    return run.config.force or read_trained(run.config.paths.finished_training(key)) is None


def _cached_by_key(name: str) -> CachePolicy:
    """Cache a stage's result under its key; Prefect has one result store for all homes."""

    def key_of(_context: object, arguments: dict[str, Any]) -> str:
        run: Run = arguments["run"]
        return digest([name, str(run.config.home), arguments["key"]])

    return CacheKeyFnPolicy(cache_key_fn=key_of)


@stage("train", cache_policy=_cached_by_key("train"), refresh=_must_train, persist_result=True)
def train_once(run: Run, inputs: Inputs, key: str, champion: InitialModel | None) -> str:
    """Train in a process of its own; its epochs appear in Prefect as they end."""
    from tasks.training.training_cache import prune_trainings
    from tasks.training.worker import Request, train_in_subprocess

    show = artifacts.show_progress(run)

    def on_epoch(epoch: int, epochs: int, metrics: dict[str, float]) -> None:
        message = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        log.info("epoch %d/%d: %s", epoch, epochs, message)
        show(epoch, epochs, message)

    paths = run.config.paths
    if run.config.force:
        shutil.rmtree(paths.finished_training(key), ignore_errors=True)
    request = Request(
        inputs,
        run.config,
        workspace=paths.training(key),
        directory=paths.finished_training(key),
        champion=champion,
    )
    train_in_subprocess(request, on_epoch=on_epoch)
    prune_trainings(paths)
    return key


def evaluate(
    run: Run, model: TrainedModel, inputs: Inputs, inventory: pd.DataFrame, key: str
) -> Evaluations:
    """Evaluate model and champion, or take over what an interrupted run had finished."""
    from tasks.evaluation.compare import copy_evaluations
    from tasks.evaluation.evaluate import worst_mistakes
    from tasks.registry.champion import champion_version
    from tasks.reporting.results import draw_evaluation

    key = digest([key, file_digest(model.path), champion_version(run.config)])
    key = evaluate_once(run, model, inputs, inventory, key)
    folder = run.directory / "evaluation"
    evaluation, before = copy_evaluations(run.config.paths.evaluation(key), folder)
    mistakes = worst_mistakes(evaluation, most=run.config.evaluation.mistakes_shown)
    draw_evaluation(evaluation, mistakes, inputs, folder)
    artifacts.show_evaluation(run, evaluation)
    log.info(
        "accuracy %.4f (%.4f to %.4f) on %d test images%s",
        evaluation.accuracy,
        evaluation.accuracy_low,
        evaluation.accuracy_high,
        evaluation.test_images,
        f"; champion {before.accuracy:.4f}" if before else "",
    )
    return evaluation, before


def _must_evaluate(
    run: Run, _model: TrainedModel, _inputs: Inputs, _inventory: pd.DataFrame, key: str
) -> bool:
    """Tell whether the files of an evaluation are missing, or not wanted (--force)."""
    return run.config.force or not run.config.paths.evaluation(key).exists()


@stage(
    "evaluate",
    cache_policy=_cached_by_key("evaluate"),
    refresh=_must_evaluate,
    persist_result=True,
)
def evaluate_once(
    run: Run, model: TrainedModel, inputs: Inputs, inventory: pd.DataFrame, key: str
) -> str:
    """Evaluate the new model, and the champion if there is one, on the same test images."""
    from tasks.evaluation.compare import Contender, evaluate_both
    from tasks.registry.champion import find_champion

    champion = find_champion(run.config)
    evaluate_both(
        Contender(model.path, inputs.contract),
        Contender(champion.file, champion.contract) if champion else None,
        inventory,
        run.config,
        directory=run.config.paths.evaluation(key),
    )
    return key


@stage("register", **RETRY_TRANSIENT_FAULTS)
def register(run: Run, model: TrainedModel, inputs: Inputs, evaluations: Evaluations) -> None:
    """Register a version, judge it, and promote it if it has earned it.

    Each of the three steps can be repeated, so that a retry makes no second version. A rejected
    version ends the run.
    """
    from tasks.generators.inputs import sample_images
    from tasks.model_gate.rules import decide, judge_model, require_not_rejected
    from tasks.model_gate.saved_model import check_saved_file
    from tasks.registry.mlflow_store import open_store
    from tasks.registry.registration import record_decision, register_version

    store = open_store(run.config)
    evaluation, champion = evaluations
    candidate = register_version(
        store,
        model.path,
        inputs.contract,
        evaluation,
        settings=run.config.model_dump(mode="json"),
        tags=provenance(run),
        evidence=run.directory,
    )
    checks = (
        *judge_model(evaluation, champion, run.config.registry),
        check_saved_file(candidate.file, model.path, sample_images(inputs)),
    )
    decision = decide(candidate.version, evaluation, checks)
    record_decision(store, candidate, decision)
    write_json(
        run.directory / REGISTRATION, decision.as_dict() | {"mlflow_run": candidate.mlflow_run}
    )
    artifacts.show_decision(run, decision)
    require_not_rejected(decision)


@task(name="drill", task_run_name="drill {config.name}", cache_policy=NO_CACHE)
def drill_gate(config: RetrainConfig) -> State[list[dict[str, Any]]]:
    """Plant each kind of fault in a sample of the data; leave a table of what the gate caught."""
    from tasks.drill.rehearsal import require_all_hold, run_drill

    try:
        results = run_drill(config)
        rows = artifacts.show_drill(config.name, results)
        require_all_hold(results)
    except PixelgateError as error:
        return Failed(message=first_line(error), data=error)
    return Completed(message=f"{len(results)} of {len(results)} as they should be", data=rows)
