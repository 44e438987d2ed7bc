"""RetrainConfig: every setting of a retraining, one part per stage.

Defaults and their meaning are written in the fields and nowhere else: `pixelgate config`, the form
in the Prefect UI and the documentation are made from them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from tasks.config.base import Part, PathName
from tasks.config.data import DataConfig
from tasks.config.evaluation import EvaluationConfig
from tasks.config.exports import ExportsConfig
from tasks.config.gate import GateConfig
from tasks.config.generators import GeneratorConfig
from tasks.config.notify import NotifyConfig
from tasks.config.promotion import PromotionConfig
from tasks.config.registry import RegistryConfig
from tasks.config.retention import HousekeepingConfig
from tasks.config.training import TrainingConfig
from tasks.storage.home import Home


class RetrainConfig(Part):
    """Everything one retraining needs to know."""

    name: str = Field(
        "pixelgate",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        description="Name of the registered model.",
    )
    home: PathName = Field(
        Path(".pixelgate"),
        description="Folder of runs/ (the evidence of each run) and state/ (shared by runs).",
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(
        42, description="Seed of the split, the weights, the order and the augmentation."
    )
    force: bool = Field(
        default=False,
        description="Train even if data, settings and code are those of an earlier run.",
    )
    data: DataConfig = DataConfig()
    gate: GateConfig = GateConfig()
    generators: GeneratorConfig = GeneratorConfig()
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    exports: ExportsConfig = ExportsConfig()
    promotion: PromotionConfig = PromotionConfig()
    registry: RegistryConfig = RegistryConfig()
    notify: NotifyConfig = NotifyConfig()
    housekeeping: HousekeepingConfig = HousekeepingConfig()

    @model_validator(mode="after")
    def _averaged_flips_are_enabled(self) -> Self:
        flips = self.generators.horizontal_flip or self.generators.vertical_flip
        if self.training.test_time_augmentation and not flips:
            raise ValueError(
                "training.test_time_augmentation averages over flipped copies: set"
                " generators.horizontal_flip or generators.vertical_flip too, if a flipped image"
                " keeps its label"
            )
        return self

    @property
    def paths(self) -> Home:
        """Every path under home."""
        return Home(self.name, self.home)
