"""The stages of a run as Prefect tasks: names, retries, cache policies and artifacts.

Heavy libraries are imported by the stage that needs them, so that a flow that is refused, or ends
early, doesn't wait for TensorFlow.
"""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING, Any

from tasks.errors import Unchanged, WorkerDone
from tasks.orchestration import artifacts, early_processes
from tasks.orchestration.stage_task import cached_by_key, stage
from tasks.registry.mlflow_store import open_store
from tasks.runs.fingerprint import recipe_key
from tasks.runs.provenance import provenance
from tasks.runs.run_folder import REGISTRATION, record_facts, record_progress, stored_settings
from tasks.storage.atomic import write_json
from tasks.storage.checked import believe_folder
from tasks.storage.hashing import digest, file_digest

if TYPE_CHECKING:
    import pandas as pd

    from tasks.evaluation.compare import Evaluations
    from tasks.generators.inputs import Inputs
    from tasks.registry.mlflow_store import ModelStore
    from tasks.runs.run_folder import Run
    from tasks.training.initial_weights import InitialModel
    from tasks.training.result import TrainedModel

# Stages that only read and write files and databases; a training is not repeated by Prefect, since
# it resumes from its own checkpoints.
RETRY_TRANSIENT_FAULTS: dict[str, Any] = {"retries": 2, "retry_delay_seconds": 5}

log = logging.getLogger("pixelgate")


@stage("inventory", **RETRY_TRANSIENT_FAULTS)
def take_inventory(run: Run) -> pd.DataFrame:
    """Read every image file; leave inventory.parquet and the data's fingerprint."""
    from tasks.generators.eager_decode import EagerDecoder
    from tasks.inventory.columns import counts_by_split
    from tasks.inventory.run_inventory import record_inventory
    from tasks.inventory.scan import inventory_of

    # Images are decoded for the model while they are open for the inventory: one read for both.
    config = run.config
    model = config.training.model
    with EagerDecoder(config.generators, config.data, config.paths, model=model) as decoder:
        inventory = inventory_of(config, eager_decoder=decoder)
    facts = record_inventory(run, inventory)
    message = inventory.attrs["sentence"]
    log.info("fingerprint %s", facts["data_fingerprint"][:12])
    artifacts.show_class_counts(run, counts_by_split(inventory).reset_index(), message)
    return inventory


@stage("validate")
def validate(run: Run, inventory: pd.DataFrame) -> pd.DataFrame:
    """Judge the inventory and return what may be trained on; rejected data ends the run."""
    import pandas as pd

    from tasks.inventory.columns import readable
    from tasks.registry.champion import champion_classes
    from tasks.validation.data_gate import judge_inventory
    from tasks.validation.evidence import MOVES_FILE
    from tasks.validation.quarantine import drop_quarantined
    from tasks.validation.verdict import require_accepted

    # Where data is new it will most likely be trained on, by a process that starts meanwhile.
    classes = champion_classes(_store(run))
    verdict = judge_inventory(
        run, inventory, champion_classes=classes, on_news=early_processes.start_training_process
    )
    # Shown before rejected data ends the run: that is when somebody reads it.
    artifacts.show_verdict(run, verdict)
    if verdict.moves:
        moves = pd.read_parquet(run.validation / MOVES_FILE)
        artifacts.show_moves(run, moves, verdict.moves)
    log.info(verdict.headline)
    admitted = drop_quarantined(inventory, require_accepted(verdict))
    record_facts(run, quarantined=len(inventory) - len(readable(admitted)))
    return admitted


@stage("skip if unchanged")
def skip_if_unchanged(run: Run, inventory: pd.DataFrame) -> str:
    """End the run if data, settings and code were judged before; else return the recipe key."""
    from tasks.inventory.columns import fingerprint
    from tasks.registry.champion import find_judged_run
    from tasks.registry.registration import close_interrupted

    key = recipe_key(fingerprint(inventory), run.config)
    record_facts(run, recipe=key)
    store = _store(run)
    close_interrupted(store)
    judged = None if run.config.force else find_judged_run(store, key)
    if judged is not None:
        record_facts(run, **judged)
        raise Unchanged(
            "data, settings and code are those of an earlier run; version"
            f" {judged['model_version']} stays in production (--force trains all the same)"
        )
    return key


@stage("generators")
def build_generators(run: Run, inventory: pd.DataFrame) -> Inputs:
    """Decode every image once, and choose the model's input."""
    from tasks.generators.inputs import build_inputs

    inputs = build_inputs(inventory, run.config, directory=run.directory)
    log.info(inputs.description)
    return inputs


def train(run: Run, inputs: Inputs, inventory: pd.DataFrame, key: str) -> TrainedModel:
    """Train the model, or reuse a finished training of the same data, settings and code.

    Raises:
        WorkerDone: this process trained for another one, which continues from here.
    """
    from tasks.registry.champion import find_initial_model
    from tasks.registry.mlflow_store import created_beside
    from tasks.reporting.beside import previews_drawn_beside
    from tasks.training.training_cache import copy_training

    champion = find_initial_model(_store(run)) if run.config.training.warm_start else None
    if champion is not None:
        # The same recipe from another starting point is another model.
        key = digest([key, champion.version])
    # This process only waits for the one that trains.
    previews = previews_drawn_beside(inputs, inventory, run.config.seed, run.directory / "previews")
    with previews, created_beside(_store(run)):
        key = train_once(run, inputs, key, champion)
    early_processes.end_waiting()
    from tasks.reporting.results import draw_training  # imports TensorFlow, as the previews did

    # Each run has its own copy as evidence; the shared one is pruned sooner or later.
    finished = run.config.paths.finished_training(key)
    model = copy_training(finished, run.directory / "model")
    draw_training(model.history, model.directory)
    if not model.is_chief:
        raise WorkerDone("this worker trained with the others; the chief evaluates and registers")
    return model


def _must_train(run: Run, _inputs: Inputs, key: str, _champion: InitialModel | None) -> bool:
    """Return whether the files of a training are missing, or must not be reused (--force)."""
    from tasks.training.result import read_trained

    return run.config.force or read_trained(run.config.paths.finished_training(key)) is None


@stage("train", cache_policy=cached_by_key("train"), refresh=_must_train, persist_result=True)
def train_once(run: Run, inputs: Inputs, key: str, champion: InitialModel | None) -> str:
    """Train in a separate process; its epochs appear in Prefect as they end."""
    from tasks.training.request import TrainingRequest
    from tasks.training.training_cache import prune_trainings
    from tasks.training.worker import train_in_subprocess

    show = artifacts.show_progress(run)

    def on_epoch(epoch: int, epochs: int, metrics: dict[str, float]) -> None:
        message = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        log.info("epoch %d/%d: %s", epoch, epochs, message)
        record_progress(run, epoch=epoch, epochs=epochs, metrics=metrics)
        show(epoch, epochs, message)

    paths = run.config.paths
    if run.config.force:
        # Or the worker would find this result and return it.
        shutil.rmtree(paths.finished_training(key), ignore_errors=True)
    request = TrainingRequest.of(
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
    """Evaluate model and champion, or reuse what an interrupted run had finished."""
    from tasks.evaluation.compare import copy_evaluations
    from tasks.evaluation.evaluate import worst_mistakes
    from tasks.registry.champion import champion_version
    from tasks.reporting.results import draw_evaluation

    # It imports Keras meanwhile, and checks the saved file in the next stage.
    early_processes.start_interpreter()
    # The model's bytes, since two trainings of one recipe differ, and the champion, which may have
    # changed since the interrupted run.
    key = digest([key, file_digest(model.path), champion_version(_store(run))])
    key = evaluate_once(run, model, inputs, inventory, key)
    folder = run.directory / "evaluation"
    evaluation, before = copy_evaluations(run.config.paths.evaluation(key), folder)
    mistakes = worst_mistakes(evaluation, most=run.config.evaluation.mistakes_shown)
    draw_evaluation(evaluation, mistakes, inputs, folder, model=model.path)
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
    """Return whether the files of an evaluation are missing, or must not be reused (--force)."""
    return run.config.force or not believe_folder(run.config.paths.evaluation(key))


@stage(
    "evaluate",
    cache_policy=cached_by_key("evaluate"),
    refresh=_must_evaluate,
    persist_result=True,
)
def evaluate_once(
    run: Run, model: TrainedModel, inputs: Inputs, inventory: pd.DataFrame, key: str
) -> str:
    """Evaluate the new model, and the champion if there is one, on the same test images."""
    from tasks.evaluation.compare import Contender, evaluate_both
    from tasks.registry.contender import champion_as_contender

    evaluate_both(
        Contender.of(model.path, inputs.contract),
        champion_as_contender(_store(run)),
        inventory,
        run.config,
        directory=run.config.paths.evaluation(key),
    )
    return key


@stage("register", **RETRY_TRANSIENT_FAULTS)
def register(run: Run, model: TrainedModel, inputs: Inputs, evaluations: Evaluations) -> None:
    """Register a version, judge it, and promote it if it has earned it.

    Each of the three steps can be repeated, so that a retry makes no second version.

    Raises:
        ModelRejectedError: the version was rejected, which ends the run.
    """
    from tasks.exports.export import exported
    from tasks.exports.export_record import read_exports
    from tasks.generators.inputs import sample_images
    from tasks.model_gate.judge import Case, judge_version
    from tasks.model_gate.rules import require_not_rejected
    from tasks.model_gate.saved_model import fresh_interpreter
    from tasks.registry.lineage import evaluated_on
    from tasks.registry.registration import record_decision, register_version
    from tasks.reporting.model_card import leave_card

    store = _store(run)
    evaluation, champion = evaluations
    with fresh_interpreter() as ask, exported(model.path, inputs, run.config) as exports:
        candidate = register_version(
            store,
            model.path,
            inputs.contract,
            evaluation,
            settings=stored_settings(run.config),
            tags=provenance(run),
            evidence=run.directory,
            exports=exports,
        )
        kept = read_exports(exports) if exports else []
        judged_by = evaluated_on(store, champion.version) if champion and champion.version else None
        files = (candidate.file, model.path)
        case = Case(candidate.version, *files, *evaluations, sample_images(inputs), ask, judged_by)
        decision = judge_version(case, run.config)
    record_decision(store, candidate, decision)
    record = decision.as_dict() | {"mlflow_run": candidate.mlflow_run}
    write_json(run.directory / REGISTRATION, run.config.paths.stored(record))
    artifacts.show_decision(run, decision)
    leave_card(run, inputs, store, candidate, kept)
    require_not_rejected(decision)


def _store(run: Run) -> ModelStore:
    return open_store(run.config.paths, run.config.registry)
