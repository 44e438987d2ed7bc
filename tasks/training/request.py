"""What one training needs goes in; a record that can be pickled for another process comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.config.schema import RetrainConfig
    from tasks.config.training import TrainingConfig
    from tasks.generators.inputs import Inputs
    from tasks.training.initial_weights import InitialModel


@dataclass(frozen=True)
class TrainingRequest:
    """Data, settings and folders of one training.

    Name both folders by a hash of everything the training depends on: whatever is found in them is
    taken for this training's own.

    Attributes:
        inputs: what `build_inputs` returned; its settings are those of the generators.
        settings: the training part of the configuration.
        seed: of weights, order and augmentation.
        workspace: folder of the training while it is in progress; removed at the end.
        directory: folder of the finished model; appears as a whole.
        hardware_cache: folder of measurements of this machine; None to measure again.
        pretrained_cache: folder of converted networks; None to convert again.
        feature_cache: folder of the features of frozen networks; None to compute them again.
        champion: model to start from; None to start from scratch.
    """

    inputs: Inputs
    settings: TrainingConfig
    seed: int
    workspace: Path
    directory: Path
    hardware_cache: Path | None = None
    pretrained_cache: Path | None = None
    feature_cache: Path | None = None
    champion: InitialModel | None = None

    @classmethod
    def of(
        cls,
        inputs: Inputs,
        config: RetrainConfig,
        *,
        workspace: Path,
        directory: Path,
        champion: InitialModel | None = None,
    ) -> Self:
        """Take the parts that a training reads out of the whole configuration."""
        return cls(
            inputs=inputs,
            settings=inputs.with_model(config.training),
            seed=config.seed,
            workspace=workspace,
            directory=directory,
            hardware_cache=config.paths.hardware,
            pretrained_cache=config.paths.pretrained,
            feature_cache=config.paths.features,
            champion=champion,
        )
