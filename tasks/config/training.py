"""The settings of the train stage."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads annotations when it runs
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tasks.config.base import Fraction, Part, Positive

PositiveNumber = Annotated[float, Field(gt=0)]


class TrainingConfig(Part):
    """The model and how it learns."""

    model: str = Field(
        "fast_cnn",
        description="fast_cnn, small_cnn, basic_cnn, a backbone of keras.applications such as"
        " MobileNetV2, or package.module:function.",
    )
    weights: Path | None = Field(
        None,
        description="Local .weights.h5 or .keras file the base starts from, all but the last layer;"
        " default: random.",
    )
    warm_start: bool = Field(
        default=False,
        description="Start from the weights of the champion, layer by layer where shapes agree.",
    )
    frozen_epochs: Annotated[int, Field(ge=0)] = Field(
        0,
        description="Epochs in which only the last layer learns on a frozen base; then all of it is"
        " fine-tuned. Wants weights or warm_start.",
    )
    fine_tune_learning_rate: PositiveNumber | None = Field(
        None, description="Learning rate after frozen_epochs; default: a tenth of learning_rate."
    )
    dropout: Fraction | None = Field(
        None, description="Dropout before the last layer; default: the model's own."
    )
    epochs: Positive | None = Field(
        None, description="Passes over the training images; default: about 4,000 steps, 8 to 60."
    )
    steps_per_epoch: Positive | None = Field(
        None,
        description="Steps between two validations; default: as many as show every image once.",
    )
    max_minutes: PositiveNumber | None = Field(
        None,
        description="Training ends in this time with the best weights so far; default: no limit.",
    )
    optimizer: str = Field(
        "adam",
        description="Name of a Keras optimizer; muon moves kernels of convolutions too.",
    )
    momentum: Fraction = Field(
        0.9, description="Of optimizers that have one, such as sgd (Nesterov's there)."
    )
    learning_rate: PositiveNumber = Field(
        0.004, description="Learning rate; the highest one under a schedule."
    )
    learning_rate_schedule: Literal["cosine", "constant"] = Field(
        "cosine", description="cosine: a short warm-up, then down to zero; or constant."
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(
        0.0, description="Decoupled weight decay a step, as Keras' optimizers define it."
    )
    label_smoothing: Fraction = Field(
        0.05, description="Share of each one-hot target spread over all classes (categorical only)."
    )
    test_time_augmentation: bool = Field(
        default=False,
        description="The finished model answers with the mean over an image and its flipped"
        " copies, of generators.horizontal_flip and vertical_flip; each costs as much again.",
    )
    class_weight: Literal["balanced"] | dict[str, PositiveNumber] | None = Field(
        None,
        description="Weight of each class in the loss: balanced (the rarer the heavier), or a"
        " number a label, 1 for those left out; default: all alike.",
    )
    early_stopping_patience: Positive | None = Field(
        None, description="Epochs without a better validation accuracy before training ends."
    )
    backup_steps: Positive = Field(
        500,
        description="A training that was cut short goes on after its last backup: there is one this"
        " often, in steps, and at each epoch's end.",
    )
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = Field(
        "auto",
        description="Keras' dtype policy while training; the model is kept in float32. auto: mixed"
        " where the hardware computes it natively.",
    )
    jit_compile: bool | Literal["auto"] = Field(
        "auto", description="Compile the steps with XLA; auto: on GPUs, not on CPUs (slower there)."
    )
    steps_per_execution: Positive | Literal["auto"] = Field(
        "auto",
        description="Steps in one call of the graph, lowered to a divisor of an epoch's; auto: up"
        " to 16 on GPUs, 1 on CPUs.",
    )
    strategy: Literal["auto", "single", "mirrored", "multi_worker"] = Field(
        "auto",
        description="tf.distribute strategy: one device, all GPUs of this machine, or the workers"
        " of TF_CONFIG; auto: told from TF_CONFIG and the number of GPUs.",
    )
    callbacks: list[str] = Field(
        [], description="Your own Keras callbacks, each as package.module:Class."
    )

    @model_validator(mode="after")
    def _a_frozen_base_has_weights(self) -> Self:
        if self.frozen_epochs and not (self.weights or self.warm_start):
            raise ValueError(
                "frozen_epochs freezes a base that was trained before: set training.weights or"
                " training.warm_start too"
            )
        return self
