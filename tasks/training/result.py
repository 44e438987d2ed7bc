"""What a finished training leaves in its folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.storage.atomic import read_json
from tasks.storage.checked import believe_folder

if TYPE_CHECKING:
    from pathlib import Path

MODEL, HISTORY, RECORD, TENSORBOARD = "model.keras", "history.csv", "training.json", "tensorboard"


@dataclass(frozen=True)
class TrainedModel:
    """Where the best weights of a training are, and how it went.

    Attributes:
        directory: holds model.keras, history.csv, training.json and tensorboard/.
        epochs: how many were trained.
        planned_epochs: how many were planned.
        best_epoch: the one whose weights are in the file, from 1.
        steps_per_epoch: batches per epoch.
        parameters: weights in the model.
        ended: why training ended.
        ended_well: False if it ended because of a fault, such as a loss that was not a number.
        seed: of weights, order and augmentation.
        hardware: what it ran on, and in which precision.
        is_chief: whether this process evaluates and registers what all workers trained.
        temperature: by which its confidences were scaled; 1 for none.
    """

    directory: Path
    epochs: int
    planned_epochs: int
    best_epoch: int
    steps_per_epoch: int
    parameters: int
    ended: str
    ended_well: bool
    seed: int
    hardware: str
    is_chief: bool
    temperature: float = 1.0

    @property
    def path(self) -> Path:
        """.keras file; maps uint8 images to probabilities, in float32."""
        return self.directory / MODEL

    @property
    def history(self) -> Path:
        """CSV with one row per epoch: epoch, loss, accuracy, val_loss, val_accuracy and so on."""
        return self.directory / HISTORY


def read_trained(directory: Path) -> TrainedModel | None:
    """Return the training that finished in a folder; None if there is none.

    One whose files changed since is set aside with a warning, and is none.
    """
    if not believe_folder(directory):
        return None
    return TrainedModel(directory=directory, **read_json(directory / RECORD))
