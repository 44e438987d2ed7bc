"""A data set, an untrained but real model, and a store to register it in."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING, Any

import pandas as pd
from PIL import Image

from tasks.inventory.columns import THUMBNAIL
from tasks.model_gate.paired import Comparison, Counts, compare_paired
from tasks.model_gate.rules import Decision, decide, judge_model
from tasks.registry.champion import champion_version
from tasks.registry.mlflow_store import ModelStore, open_store
from tasks.registry.registration import Candidate, record_decision, register_version
from tasks.runs.provenance import RECIPE_TAG, RUN_TAG
from tasks.runs.run_folder import INVENTORY
from tasks.storage.atomic import write_parquet
from tests.command_line import ask_here
from tests.image_trees import config_for, write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.config.promotion import PromotionConfig
    from tasks.config.schema import RetrainConfig
    from tasks.evaluation.evaluation_record import Evaluation
    from tasks.generators.inputs import Inputs

MANY_IMAGES = 100_000


@dataclasses.dataclass(frozen=True)
class Registration:
    """A version and the decision on it."""

    candidate: Candidate
    decision: Decision


@dataclasses.dataclass(frozen=True)
class Bench:
    """A data set, an untrained but real model, and an empty store."""

    folder: Path
    config: RetrainConfig
    inventory: pd.DataFrame
    inputs: Inputs
    model: Path
    evaluation: Evaluation

    @property
    def root(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    @property
    def store(self) -> ModelStore:
        """A store opened anew, as each stage opens it."""
        return open_store(self.config.paths, self.config.registry)

    def at_home(self, home: Path) -> Bench:
        """Return the same model, to be registered in another home."""
        config = self.config.model_copy(update={"home": home})
        return dataclasses.replace(self, config=config)

    def with_accuracy(self, accuracy: float) -> Evaluation:
        """The evaluation as if the model had this accuracy."""
        return dataclasses.replace(
            self.evaluation, accuracy=accuracy, accuracy_low=accuracy - 0.01, majority_share=0.4
        )

    def register(
        self, accuracy: float = 0.9, *, run: str = "run1", exports: Path | None = None
    ) -> Candidate:
        """Register the model as if it had this accuracy."""
        return register_version(
            self.store,
            self.model,
            self.inputs.contract,
            self.with_accuracy(accuracy),
            settings=self.config.model_dump(mode="json"),
            tags={
                RUN_TAG: run,
                RECIPE_TAG: f"recipe-{accuracy}",
                "pixelgate.data_fingerprint": "f00d",
            },
            evidence=self.folder / "evidence",
            exports=exports,
        )

    def judge(
        self, candidate: Candidate, accuracy: float, *, champion: float | None, **settings: Any
    ) -> Decision:
        """Decide as if model and champion had these accuracies."""
        evaluation = self.with_accuracy(accuracy)
        promotion = self.config.promotion.model_copy(update=settings)
        config = self.config.model_copy(update={"promotion": promotion})
        comparison = None if champion is None else comparison_of(accuracy, champion, promotion)
        checks = judge_model(evaluation, comparison, config)
        from tasks.generators.inputs import sample_images
        from tasks.model_gate.saved_model import check_saved_file

        images = sample_images(self.inputs)
        saved = check_saved_file(candidate.file, self.model, images, ask=ask_here)
        decision = decide(candidate.version, evaluation, (*checks, saved), comparison)
        before = None if champion is None else champion_version(self.store)
        return dataclasses.replace(decision, champion=before)

    def retrain(
        self,
        accuracy: float,
        *,
        run: str = "run1",
        champion: float | None = None,
        exports: Path | None = None,
        **settings: Any,
    ) -> Registration:
        """Register, judge and record, as the stage does."""
        candidate = self.register(accuracy, run=run, exports=exports)
        decision = self.judge(candidate, accuracy, champion=champion, **settings)
        record_decision(self.store, candidate, decision)
        return Registration(candidate, decision)


def comparison_of(accuracy: float, champion: float, settings: PromotionConfig) -> Comparison:
    """Compare two accuracies as if one model were right wherever the other is, on many images."""
    change = round((accuracy - champion) * MANY_IMAGES)
    counts = Counts(MANY_IMAGES, losses=max(0, -change), gains=max(0, change))
    return compare_paired(
        counts, margin=settings.margin, confidence_level=settings.confidence_level
    )


def prepare_bench(folder: Path) -> Bench:
    """Build and evaluate a model in a folder; its store is empty."""
    from tasks.evaluation.evaluate import evaluate_model
    from tasks.generators.inputs import build_inputs
    from tasks.inventory.scan import take_inventory
    from tasks.models.architectures import build_model

    root = write_tree(folder / "data", {"a": 40, "b": 40})
    config = config_for(root, name="bench", training={"model": "fast_cnn"})
    inventory = take_inventory(config.data, seed=1)
    inputs = build_inputs(inventory, config, directory=folder / "run")
    model = folder / "model.keras"
    build_model(inputs.contract, config.training, rescale=1 / 255).save(model)
    predictions = folder / "evidence/evaluation/predictions.parquet"
    evaluation = evaluate_model(model, inputs.contract, inventory, config, predictions=predictions)
    # As a run leaves them.
    write_parquet(folder / "evidence" / INVENTORY, inventory.drop(columns=THUMBNAIL))
    shutil.copy(inputs.index, folder / "evidence/index.parquet")
    # MLflow takes seconds to create its tables: once here, and tests copy the database.
    open_store(config.paths, config.registry).experiment("bench")
    return Bench(folder, config, inventory, inputs, model, evaluation)


def golden_folder(bench: Bench, folder: Path, *, right: bool) -> RetrainConfig:
    """Write four test images into the folders of what the model takes them for, or of others."""
    answers = pd.read_parquet(bench.evaluation.predictions).head(4)
    for row in answers.itertuples():
        label = row.predicted if right else {"a": "b", "b": "a"}[str(row.predicted)]
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        with Image.open(bench.root / str(row.path)) as image:
            image.save(folder / str(label) / f"{row.Index}.png")
    evaluation = bench.config.evaluation.model_copy(update={"golden_dir": folder})
    return bench.config.model_copy(update={"evaluation": evaluation})
